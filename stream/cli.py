"""The command `xinling`: one function a command, each handing over to a room."""

from __future__ import annotations

import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from decoders.errors import XinlingError
from decoders.times import from_text
from stream.options import (
    Areas,
    CampaignFolder,
    Campaigns,
    Captures,
    Cells,
    Clear,
    Config,
    Html,
    IpaPorts,
    LearnPhones,
    Offers,
    Plan,
    PointCodeBits,
    Profiles,
    Settings,
    Until,
    reading_of,
)

app = typer.Typer(
    name="xinling",
    help="Xinling (信令) turns the signalling that phones already make into the right offer "
    "at the right moment.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)
campaigns_app = typer.Typer(no_args_is_help=True, help="Check and list campaign files.")
app.add_typer(campaigns_app, name="campaigns")
bench_app = typer.Typer(no_args_is_help=True, help="The project's own measurements.")
app.add_typer(bench_app, name="bench")
state_app = typer.Typer(no_args_is_help=True, help="Move partitions' states; roles are stopped.")
app.add_typer(state_app, name="state")
profiles_app = typer.Typer(no_args_is_help=True, help="Load subscribers' profiles.")
app.add_typer(profiles_app, name="profiles")


class As(StrEnum):
    """What `decode` prints."""

    MESSAGES = "messages"
    EVENTS = "events"


class Format(StrEnum):
    """How `decode` prints it."""

    JSONL = "jsonl"
    CSV = "csv"
    PARQUET = "parquet"


class Drafts(StrEnum):
    """What `replay` takes drafts for."""

    SHADOW = "shadow"
    LIVE = "live"


class Role(StrEnum):
    """A part of the service, for a process of its own."""

    INGEST = "ingest"
    SUBSCRIBERS = "subscribers"
    DELIVERY = "delivery"


Files = Annotated[list[str], typer.Argument(metavar="CAPTURE...", help="Capture files.")]
Messages = Annotated[
    int | None,
    typer.Option("--messages", min=1, help="Repeat their traffic to about this many messages."),
]
Rounds = Annotated[int, typer.Option("--rounds", min=1, help="How often.")]
"""These three are of measurements."""


@app.command(epilog="Example: `xinling decode trace.pcap --as events --cells cells.csv`")
def decode(
    captures: Captures,
    rows: Annotated[As, typer.Option("--as", help="What a row is.")] = As.MESSAGES,
    form: Annotated[Format, typer.Option("--format", help="How rows are written.")] = Format.JSONL,
    clear: Clear = False,
    cells: Cells = None,
    plan: Plan = None,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Write here.")] = None,
    learn_phones: LearnPhones = False,
    point_code_bits: PointCodeBits = 14,
    ipa_port: IpaPorts = None,
) -> None:
    """Print what captures hold, one row a message or an event, merged by time."""
    from stream import offline

    reading = reading_of(
        captures,
        point_code_bits,
        ipa_port,
        clear=clear,
        cells=cells,
        plan=plan,
        learn_phones=learn_phones,
    )
    offline.decode(reading, rows.value, form.value, output)


@app.command(epilog="Example: `xinling dissect trace.pcap --frame 42`")
def dissect(
    capture: Annotated[str, typer.Argument(help="Capture file; `-` is standard input.")],
    frame: Annotated[
        int | None, typer.Option("--frame", min=1, help="Only this record of the capture.")
    ] = None,
    clear: Clear = False,
    point_code_bits: PointCodeBits = 14,
    ipa_port: IpaPorts = None,
) -> None:
    """Show messages as trees: every element with its name, value, bytes and section."""
    from stream import offline

    reading = reading_of([capture], point_code_bits, ipa_port, clear=clear)
    offline.dissect(reading, frame)


@app.command(epilog="Example: `xinling doctor trace.pcap > xinling.toml`")
def doctor(
    captures: Captures,
    cells: Annotated[
        Path | None, typer.Option("--cells", help="Cell table (CSV): what it lacks is named.")
    ] = None,
) -> None:
    """Tell what strange captures hold, and print the configuration to read them with (TOML)."""
    from stream import doctor as room

    room.run(captures, cells)


@app.command(
    epilog="Example: `xinling replay trace.pcap --campaigns campaigns --areas areas.geojson "
    "--profiles profiles.csv --offers verdicts.jsonl`"
)
def replay(
    captures: Captures,
    offers: Annotated[Path, typer.Option("--offers", help="Write the verdict rows here.")],
    campaigns: Campaigns = None,
    cells: Cells = None,
    areas: Areas = None,
    profiles: Profiles = None,
    settings: Settings = None,
    plan: Plan = None,
    workers: Annotated[int, typer.Option("--workers", min=1, help="How many at once.")] = 1,
    until: Until = None,
    drafts: Annotated[
        Drafts | None, typer.Option("--drafts", help="Replay drafts as these; shows a summary.")
    ] = None,
    summary: Annotated[
        bool, typer.Option("--summary", help="Show what each campaign came to, by reason and hour.")
    ] = False,
    html: Annotated[
        Path | None, typer.Option("--html", help="Write the summary as a page, too.")
    ] = None,
    simulated: Annotated[
        Path | None,
        typer.Option("--simulated", help="Folder of `simulate`: its people answer the offers."),
    ] = None,
    outcomes: Annotated[
        Path | None, typer.Option("--outcomes", help="Write what they answer here, for `report`.")
    ] = None,
    learn_phones: LearnPhones = False,
    clear: Clear = False,
    point_code_bits: PointCodeBits = 14,
    ipa_port: IpaPorts = None,
) -> None:
    """Run the whole path in this process, as fast as it goes: captures in, verdict rows out."""
    from stream import rehearsal

    reading = reading_of(
        captures,
        point_code_bits,
        ipa_port,
        clear=clear,
        cells=cells,
        plan=plan,
        learn_phones=learn_phones,
    )
    files = rehearsal.Files(campaigns, areas, cells, profiles, settings)
    launch = rehearsal.Launch(drafts.value if drafts else None, summary, html)
    if simulated is None and outcomes is not None:
        raise XinlingError("nobody answers", key="--outcomes", remedy="name --simulated, too")
    people = None if simulated is None else rehearsal.Simulated(simulated, outcomes)
    rehearsal.replay(
        reading,
        files,
        offers,
        workers=workers,
        until=_time(until),
        launch=launch,
        simulated=people,
    )


@app.command(
    epilog="Examples: `xinling explain 5d3c…` asks a running service; "
    "`xinling explain 5d3c… --offers verdicts.jsonl --captures trace.pcap` a replay; "
    "`xinling explain --subscriber 1-0f3a… --campaign welcome --at 2008-01-28T09:12:33Z "
    "--captures trace.pcap --campaigns campaigns` says why not."
)
def explain(
    offer: Annotated[str | None, typer.Argument(metavar="OFFER_ID", help="The offer.")] = None,
    offers: Offers = None,
    subscriber: Annotated[
        str | None,
        typer.Option("--subscriber", help="Pseudonym; `-` reads an IMSI from standard input."),
    ] = None,
    campaign: Annotated[str | None, typer.Option("--campaign", help="Why not this one?")] = None,
    at: Annotated[str | None, typer.Option("--at", help="At this time (RFC 3339).")] = None,
    captures: Annotated[
        list[str] | None, typer.Option("--captures", help="A capture; give it again for more.")
    ] = None,
    campaigns: Campaigns = None,
    cells: Cells = None,
    areas: Areas = None,
    profiles: Profiles = None,
    settings: Settings = None,
    plan: Plan = None,
    until: Until = None,
    config: Config = None,
    point_code_bits: PointCodeBits = 14,
    ipa_port: IpaPorts = None,
) -> None:
    """Say why an offer was sent or held back, or why somebody got none."""
    from stream import rehearsal
    from stream.ask import questions

    reading = reading_of(captures or [], point_code_bits, ipa_port, cells=cells, plan=plan)
    files = rehearsal.Files(campaigns, areas, cells, profiles, settings)
    question = questions.Question(offer, subscriber, campaign, _time(at, "--at"))
    questions.answer(question, reading, files, offers, config, _time(until))


@campaigns_app.command("check", epilog="Example: `xinling campaigns check rules/campaigns`")
def campaigns_check(
    folder: CampaignFolder = None,
    areas: Areas = None,
    cells: Cells = None,
) -> None:
    """Check campaign files: each mistake with file, line, key and remedy."""
    from stream import campaign_files

    campaign_files.check(folder, areas, cells)


@campaigns_app.command("list", epilog="Example: `xinling campaigns list rules/campaigns`")
def campaigns_list(
    folder: CampaignFolder = None,
) -> None:
    """List campaigns with their status, priority, dates and trigger."""
    from stream import campaign_files

    campaign_files.show(folder)


@campaigns_app.command("conflicts", epilog="Example: `xinling campaigns conflicts rules/campaigns`")
def campaigns_conflicts(
    folder: CampaignFolder = None,
    areas: Areas = None,
    cells: Cells = None,
) -> None:
    """Show which campaigns could meet in one subscriber, when, and which goes first."""
    from stream import campaign_files

    campaign_files.meet(folder, areas, cells)


@app.command(epilog="Examples: `xinling demo`; `xinling demo --scenario spring-festival`")
def demo(
    scenario: Annotated[
        str, typer.Option("--scenario", help="What is played: labs or spring-festival.")
    ] = "labs",
) -> None:
    """Play captures through the whole system on this machine, to an SMSC and back."""
    from stream.demo import play as room

    raise typer.Exit(room.run(scene=scenario))


@app.command(epilog="Example: `xinling run --config xinling.toml --only subscribers`")
def run(
    config: Config = None,
    only: Annotated[Role | None, typer.Option("--only", help="Only this role.")] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Check the configuration and exit.")
    ] = False,
) -> None:
    """Run the service: Faust agents on Apache Kafka, Redis, an SMSC by address."""
    from stream import service

    service.run(config, only.value if only else None, check=check)


@app.command(epilog="Example: `xinling subject --config xinling.toml < imsi.txt`")
def subject(
    clear: Annotated[bool, typer.Option("--clear", help="The number in clear.")] = False,
    config: Config = None,
) -> None:
    """Show everything kept about a person; the IMSI is read from standard input."""
    from stream.ask import subject as room

    room.subject(config, clear=clear)


@app.command(epilog="Example: `xinling erase --config xinling.toml < imsi.txt`")
def erase(config: Config = None) -> None:
    """Erase a person; the IMSI is read from standard input. Says what remains."""
    from stream.ask import subject as room

    room.erase(config)


@app.command("rotate-key", epilog="Example: `xinling rotate-key --config xinling.toml`")
def rotate_key(
    config: Config = None,
    check: Annotated[
        bool, typer.Option("--check", help="Only say whether the service stands still.")
    ] = False,
) -> None:
    """Change from privacy.key to privacy.next_key while all roles are stopped."""
    from stream.keys import rotate_key as room

    room.run(config, check=check)


_PARTITIONS = typer.Option("--partition", min=0, help="Only this one; may be repeated.")


@state_app.command("export", epilog="Example: `xinling state export /var/backups/xinling`")
def state_export(
    folder: Annotated[Path, typer.Argument(help="A file for each partition is written here.")],
    partitions: Annotated[list[int] | None, _PARTITIONS] = None,
    config: Config = None,
) -> None:
    """Write what is kept of all subscribers into sealed files, while all roles are stopped."""
    from stream import state_commands as room

    room.export(config, folder, partitions or [])


@state_app.command("import", epilog="Example: `xinling state import partition-00007.xlstate`")
def state_import(
    files: Annotated[list[Path], typer.Argument(help="That `state export` wrote.")],
    config: Config = None,
) -> None:
    """Put files in place of what their partitions hold; workers go on from there in the log."""
    from stream import state_commands as room

    room.restore(config, files)


@state_app.command("reset", epilog="Example: `xinling state reset --partition 7`")
def state_reset(
    partitions: Annotated[list[int] | None, _PARTITIONS] = None, config: Config = None
) -> None:
    """Forget states, so that workers make them again of the whole log."""
    from stream import state_commands as room

    room.reset(config, partitions or [])


@state_app.command(
    "repartition", epilog="Example: `xinling state repartition --to 32 --via /var/tmp/xinling`"
)
def state_repartition(
    to: Annotated[int, typer.Option("--to", min=1, help="How many partitions.")],
    via: Annotated[Path, typer.Option("--via", help="A folder for sealed files of all states.")],
    config: Config = None,
) -> None:
    """Move all states into another number of partitions, while all roles are stopped."""
    from stream import state_commands as room

    room.repartition(config, to, via)


@app.command(epilog="Example: `xinling tail --campaign welcome-away --config xinling.toml`")
def tail(
    kinds: Annotated[
        list[str] | None, typer.Option("--type", help="Only events of this type; may be repeated.")
    ] = None,
    campaign: Annotated[
        str | None, typer.Option("--campaign", help="Only verdicts and outcomes of this campaign.")
    ] = None,
    config: Config = None,
) -> None:
    """Show what a running service is doing, until Ctrl-C."""
    from stream.ask import tail as room

    room.tail(config, kinds or [], campaign)


@profiles_app.command(
    "load", epilog="Example: `xinling profiles load people.csv --config xinling.toml`"
)
def profiles_load(
    file: Annotated[Path, typer.Argument(help="CSV or Parquet.", dir_okay=False)],
    report: Annotated[
        Path | None, typer.Option("--report", help="Write the rows that are not loaded here (CSV).")
    ] = None,
    config: Config = None,
) -> None:
    """Load profiles, consent and products into a running service; good rows are loaded."""
    from stream import profile_load

    profile_load.load(config, file, report)


Stoppable = Annotated[
    str, typer.Argument(metavar="[CAMPAIGN|all]", help="A campaign's id; all of them without it.")
]


@app.command(epilog="Example: `xinling stop cheap-long-distance --config xinling.toml`")
def stop(campaign: Stoppable = "all", config: Config = None) -> None:
    """Stop a campaign, or all, within a second; it stays stopped over restarts."""
    from stream import switch

    switch.stop(config, campaign)


@app.command(epilog="Example: `xinling resume all --config xinling.toml`")
def resume(campaign: Stoppable = "all", config: Config = None) -> None:
    """Take back what `stop` did."""
    from stream import switch

    switch.resume(config, campaign)


@campaigns_app.command("outlook", epilog="Example: `xinling campaigns outlook --days 7`")
def campaigns_outlook(
    days: Annotated[int, typer.Option("--days", min=1, help="Of the last so many days.")] = 7,
    html: Html = None,
    config: Config = None,
) -> None:
    """Show what live and shadow campaigns came to in a running service, side by side."""
    from stream.ask import live_outlook

    live_outlook.show(config, days, html)


@app.command(
    epilog="Examples: `xinling report cheap-long-distance --html report.html` asks a running "
    "service; `xinling report cheap-long-distance --offers verdicts.jsonl --outcomes out.jsonl` "
    "files of rows."
)
def report(
    campaign: Annotated[str, typer.Argument(help="A campaign's id.")],
    offers: Offers = None,
    outcomes: Annotated[
        Path | None, typer.Option("--outcomes", help="Rows of the topic `outcomes`, in a file.")
    ] = None,
    html: Html = None,
    config: Config = None,
) -> None:
    """Show what a campaign brought: uptake, control, and uplift with its interval."""
    from stream.ask import report as room

    room.show(campaign, config, offers, outcomes, html)


@campaigns_app.command("seed", epilog="Example: `xinling campaigns seed cheap-long-distance`")
def campaigns_seed(
    name: Annotated[str, typer.Argument(metavar="CAMPAIGN", help="Whatever its status.")],
    config: Config = None,
) -> None:
    """Send a campaign's texts to the test numbers of a running service now, drafts too."""
    from stream import switch

    switch.seed(config, name)


@campaigns_app.command("history", epilog="Example: `xinling campaigns history --last 20`")
def campaigns_history(
    last: Annotated[int, typer.Option("--last", min=1, help="How many changes.")] = 20,
    config: Config = None,
) -> None:
    """Show what was changed in a running service, when, by whom, under which hash."""
    from stream import switch

    switch.history(config, last)


@app.command(epilog="Example: `xinling ingest trace.pcap --speed max`")
def ingest(
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="SOURCE...",
            help="Capture files, a folder that a ring-buffer capture fills, `-`, tcp://host:port.",
        ),
    ],
    speed: Annotated[str, typer.Option("--speed", help="Times real time, or `max`.")] = "max",
    follow: Annotated[
        bool, typer.Option("--follow", help="Files are still growing: read on until told to stop.")
    ] = False,
    config: Config = None,
) -> None:
    """Feed captures into a running service."""
    from stream import service

    service.ingest(config, sources, speed, follow=follow)


@bench_app.command(
    "decode",
    epilog="Example: `xinling bench decode trace.pcap --messages 1000000 --against tshark`",
)
def bench_decode(
    captures: Files,
    messages: Messages = None,
    against: Annotated[
        str | None, typer.Option("--against", help="Measure this in turn with it: `tshark`.")
    ] = None,
    rounds: Rounds = 3,
    rows: Annotated[As, typer.Option("--as", help="How far.")] = As.MESSAGES,
) -> None:
    """Measure decoding, as JSON lines with versions and machine."""
    from stream.bench import decode as bench

    bench.decode(
        captures, messages=messages, against=against, rounds=rounds, events=rows is As.EVENTS
    )


@bench_app.command(
    "replay",
    epilog="Example: `xinling bench replay festival/msc-*.pcap --areas festival/areas.geojson "
    "--cells festival/cells.csv --profiles festival/profiles.csv "
    "--settings festival/settings.json --campaigns rules/campaigns`",
)
def bench_replay(
    captures: Files,
    campaigns: Campaigns = None,
    cells: Cells = None,
    areas: Areas = None,
    profiles: Profiles = None,
    settings: Settings = None,
    plan: Plan = None,
    messages: Messages = None,
    rounds: Rounds = 3,
) -> None:
    """Measure captures to verdict rows in one process, every draft live, as JSON lines."""
    from stream import rehearsal
    from stream.bench import replay as room

    reading = reading_of(captures, 14, None, cells=cells, plan=plan)
    files = rehearsal.Files(campaigns, areas, cells, profiles, settings)
    room.replay(reading, files, messages=messages, rounds=rounds)


@bench_app.command("bindings", epilog="Example: `xinling bench bindings --count 10000000`")
def bench_bindings(
    count: Annotated[
        int, typer.Option("--count", min=1, help="TMSIs, each of another subscriber.")
    ] = 1_000_000,
) -> None:
    """Measure the memory that TMSI bindings take, and their time, by compiled code."""
    from stream.bench import decode as bench

    bench.bindings(count)


@bench_app.command("rules", epilog="Example: `xinling bench rules --campaigns 1000`")
def bench_rules(
    campaigns: Annotated[
        int, typer.Option("--campaigns", min=10, help="Live campaigns, compared with ten.")
    ] = 1000,
    events: Annotated[int, typer.Option("--events", min=1, help="Events of a round.")] = 50_000,
    rounds: Rounds = 5,
) -> None:
    """Measure what an event costs the rules, as JSON lines with versions and machine."""
    from stream.bench import rules as room

    room.rules(campaigns, events, rounds)


@bench_app.command("delivery", epilog="Example: `xinling bench delivery --offers 5000`")
def bench_delivery(
    offers: Annotated[int, typer.Option("--offers", min=100, help="How many are sent.")] = 3_000,
    window: Annotated[
        int, typer.Option("--window", min=1, max=1000, help="Offers in hand at once.")
    ] = 10,
    answers_after: Annotated[
        float, typer.Option("--answers-after", min=0, help="Milliseconds that the SMSC thinks.")
    ] = 20.0,
) -> None:
    """Measure submits a second, their latency and their cost, as JSON lines."""
    from stream.bench import delivery as room

    room.delivery(offers, window, answers_after)


@bench_app.command("stream", epilog="Example: `xinling bench stream --only step --events 500000`")
def bench_stream(
    subscribers: Annotated[
        int, typer.Option("--subscribers", min=1, help="Whose events they are.")
    ] = 100_000,
    events: Annotated[
        int, typer.Option("--events", min=1, help="How many to work off as fast as it goes.")
    ] = 200_000,
    rate: Annotated[
        int, typer.Option("--rate", min=1, help="Events a second offered to measure latency.")
    ] = 2_000,
    seconds: Annotated[int, typer.Option("--seconds", min=1, help="How long.")] = 30,
    brokers: Annotated[
        str | None, typer.Option("--brokers", help="A Kafka that runs, instead of one of its own.")
    ] = None,
    only: Annotated[
        str | None, typer.Option("--only", help="`step` (no Kafka), `service` or `latency`.")
    ] = None,
    worker_share: Annotated[
        float,
        typer.Option("--worker-share", min=0, help="Of a core, for each worker; 0: no bound."),
    ] = 0.0,
    as_offered: Annotated[
        bool, typer.Option("--as-offered", help="Work off batches as they come at `--rate`.")
    ] = False,
) -> None:
    """Measure the step, the service on Kafka and Redis, and latency, as JSON lines."""
    from stream.bench import stream as room

    asked = room.Asked(subscribers, events, rate, seconds, brokers, worker_share, as_offered)
    room.stream(asked, only)


@app.command(
    epilog="Example: `xinling simulate spring-festival -o festival --people 1000`. "
    "Scenarios that ship: busy-hour, campus-opening, concert, ordinary-week, spring-festival."
)
def simulate(
    scenario: Annotated[str, typer.Argument(help="A scenario file, or the name of one.")],
    output: Annotated[
        str, typer.Option("-o", "--output", help="A new folder; `-` writes one capture out.")
    ],
    people: Annotated[
        int | None, typer.Option("--people", min=1, help="How many, instead of the file's.")
    ] = None,
    days: Annotated[
        float | None, typer.Option("--days", help="How long, instead of the file's.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option("--seed", min=0, help="Instead of the file's.")
    ] = None,
    pace: Annotated[
        float | None,
        typer.Option("--pace", min=0.001, help="Write so many times as fast as it happens."),
    ] = None,
) -> None:
    """Make up a population: captures, cells, areas, profiles, and the truth about it."""
    from simulator import command

    command.run(scenario, output, people=people, days=days, seed=seed, pace=pace)


def _time(text: str | None, option: str = "--until") -> int | None:
    try:
        return None if text is None else from_text(text)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=option) from None


def main() -> None:
    """The console entry point: exits 0, 2 for wrong use, 1 for failure, never with a traceback."""
    try:
        app(standalone_mode=True)
    except XinlingError as error:
        _fail(str(error))
    except ExceptionGroup as group:
        _fail(*(str(error) for error in group.exceptions))
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        _fail("interrupted")
    except Exception as error:
        if os.environ.get("XINLING_TRACEBACK") == "1":
            raise
        _fail(
            f"a fault of Xinling itself: {type(error).__name__}; "
            "please report it with what XINLING_TRACEBACK=1 prints"
        )


def _fail(*lines: str) -> None:
    console = Console(stderr=True, highlight=False, soft_wrap=True, markup=False)
    for line in lines:
        console.print(f"xinling: {line}")
    raise SystemExit(1)


if __name__ == "__main__":
    main()
