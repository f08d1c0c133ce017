"""From a verdict to an SMS and what became of it: gate, ledger, SMPP, receipts, replies."""
