"""People who live, travel and call, as captures and as the truth about them."""
