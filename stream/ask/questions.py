"""What `xinling explain` was asked, and which room answers it."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import NamedTuple

import typer

from stream import config as configuration
from stream.ask import explain
from stream.ask.basis import Basis
from stream.ask.explain import WhyNot
from stream.config import Config
from stream.offline import Reading, say
from stream.rehearsal import Files


class Question(NamedTuple):
    """About an offer, or about a subscriber, a campaign and a time."""

    offer: str | None
    subscriber: str | None
    campaign: str | None
    at: int | None


def answer(  # noqa: PLR0913, PLR0917  a command's options
    question: Question,
    reading: Reading,
    files: Files,
    offers: Path | None,
    config: Path | None,
    until: int | None,
) -> None:
    """Print the answer; raises typer.BadParameter for a question that is none."""
    if (question.offer is None) == (question.subscriber is None):
        raise typer.BadParameter("give either OFFER_ID or --subscriber, --campaign and --at")
    if question.offer is None:
        _why_not(question, _basis(reading, files, config), until)
    elif offers is not None:
        basis = Basis.of_files(reading, files) if reading.captures else None
        explain.offer_in_file(question.offer, offers, basis)
    else:
        loaded = _config(config)
        basis = Basis.of_service(reading, loaded) if reading.captures else None
        explain.offer_of_service(question.offer, loaded, basis)


def _why_not(question: Question, basis: Basis, until: int | None) -> None:
    if question.subscriber is None or question.campaign is None or question.at is None:
        raise typer.BadParameter("--subscriber, --campaign and --at belong together")
    if not basis.reading.captures:
        raise typer.BadParameter("name the captures to look into", param_hint="--captures")
    subscriber = question.subscriber
    if subscriber == "-":
        subscriber = basis.pseudonyms.subscriber(sys.stdin.readline().strip())
    explain.why_not(WhyNot(subscriber, question.campaign, question.at, until), basis)


def _basis(reading: Reading, files: Files, config: Path | None) -> Basis:
    """A service's own key and files where its configuration is named, else as `replay` has them."""
    if config is not None:
        return Basis.of_service(reading, _config(config))
    say("pseudonyms are made with the public test key")
    return Basis.of_files(reading, files)


def _config(file: Path | None) -> Config:
    return configuration.load(str(file) if file else None, os.environ)
