"""`xinling report`: what a campaign brought, from the topics of a service or from files of rows."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable
from pathlib import Path

from decoders.errors import XinlingError
from stream import config as configuration
from stream import printed, topics
from stream.ask import report_view
from stream.ask.evaluation import Evaluation
from stream.ask.lookup import verdicts_in
from stream.config import Config
from stream.progress import counted
from stream.publishing import outcome_of, verdict_of
from stream.sms.outcomes import Outcome
from stream.topic_reader import TopicReader


def show(
    campaign: str,
    config: Path | None,
    offers: Path | None,
    outcomes: Path | None,
    html: Path | None,
) -> None:
    """Prints uptake, control and uplift; `html` gets the same as a page.

    With `offers` (rows that `replay` wrote) and `outcomes` no service is asked. Raises XinlingError
    where nobody was in the campaign or a file has another kind of rows, KafkaUnavailableError.
    """
    if offers is None and outcomes is not None:
        raise XinlingError("outcomes alone tell no control", key="--offers")
    if offers is not None:
        evaluation = _of_files(campaign, offers, outcomes)
    else:
        loaded = configuration.load(str(config) if config else None, os.environ)
        evaluation = asyncio.run(_of_topics(campaign, loaded))
    if not evaluation.people():
        raise XinlingError(
            f"nobody was sent campaign {campaign}, nor kept as control",
            file=None if offers is None else str(offers),
            remedy="`xinling campaigns list` names the campaigns",
        )
    report_view.show(evaluation, printed.console())
    if html is not None:
        report_view.page(evaluation, html)


def _of_files(campaign: str, offers: Path, outcomes: Path | None) -> Evaluation:
    evaluation = Evaluation(campaign)
    for verdict in verdicts_in(offers):
        evaluation.verdict(verdict)
    for outcome in () if outcomes is None else outcomes_in(outcomes):
        evaluation.outcome(outcome)
    return evaluation


def outcomes_in(file: Path) -> Iterable[Outcome]:
    """The outcomes of a file of rows; raises XinlingError with the line that is none."""
    try:
        with file.open("rb") as rows:
            for number, row in enumerate(rows, 1):
                yield _outcome(row, file, number)
    except OSError as error:
        raise XinlingError(error.strerror or str(error), file=str(file)) from error


def _outcome(row: bytes, file: Path, number: int) -> Outcome:
    try:
        return outcome_of(row)
    except ValueError as error:
        raise XinlingError(
            "this is no row of the topic outcomes", file=str(file), line=number
        ) from error


async def _of_topics(campaign: str, config: Config) -> Evaluation:
    evaluation = Evaluation(campaign)
    async with TopicReader(config.kafka) as reader:
        for partition in counted(reader.partitions(), "partitions"):
            async for record in reader.backwards(topics.VERDICTS, partition):
                evaluation.verdict(verdict_of(record.value))
            async for record in reader.backwards(topics.OUTCOMES, partition):
                evaluation.outcome(outcome_of(record.value))
    return evaluation
