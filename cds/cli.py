"""The command line. Exit codes: 0 answered, 1 findings, 2 unusable input; never a traceback."""

from __future__ import annotations

import json
import os
import socket
import ssl
import sys
import traceback
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from cds import bootstrap, variables
from cds.audit_commands import app as audit_commands
from cds.doors import SANDBOX
from cds.errors import BadRequest, SettingsError, TooLarge
from cds.fhir.access import Fetched
from cds.hooks.request import hook_of, read_call
from cds.hooks.response import encode, encode_cards, refusal
from cds.hooks.services import ServiceEntry
from cds.rule_commands import UNUSABLE, told
from cds.rule_commands import app as rule_commands
from cds.sample import FIRST, sample_request, samples
from cds.serving import serve as run
from cds.serving import start_quickly
from cds.settings import Settings, cautions, unknown_variables_here
from cds.trace import prose

app = typer.Typer(
    help="CDS Hooks service for low magnesium, refractory hypokalemia and renal dose caution.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(rule_commands)
app.add_typer(audit_commands)


def main() -> None:
    """Run the command that was given. What nobody foresaw is told in one line: a message or a
    traceback could repeat patient data (`CDS_LOG_LEVEL=debug` shows it all the same)."""
    try:
        app()
    except Exception as error:
        if Settings.debugging():
            raise
        frame = traceback.extract_tb(error.__traceback__)[-1]
        typer.echo(
            f"cds: unexpected {type(error).__name__} at {frame.filename}:{frame.lineno}; "
            "CDS_LOG_LEVEL=debug shows where it came from",
            err=True,
        )
        sys.exit(UNUSABLE)


@app.callback()
def _every_command() -> None:
    """CDS Hooks service for low magnesium, refractory hypokalemia and renal dose caution."""
    for line in unknown_variables_here():
        typer.echo(f"cds: warning: {line}", err=True)


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on; 0 takes a free one.")] = 8000,
    tls_cert: Annotated[Path | None, typer.Option(help="PEM file of a certificate.")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="PEM file of its key.")] = None,
) -> None:
    """Serve CDS Hooks over HTTP, or over HTTPS with a certificate and its key."""
    with told():
        settings = Settings.from_environment()
        if not settings.sandbox and settings.trust is None:
            raise SettingsError(
                "CDS_TRUST: without the sandbox callers must be authenticated; name the file of "
                "trusted clients (docs/TRUST.md), or set CDS_SANDBOX=1 for synthetic patients"
            )
        for line in cautions(settings):
            typer.echo(f"cds: warning: {line}", err=True)
        start_quickly()
        tls = _tls(tls_cert, tls_key)
        if settings.workers == 1:
            bootstrap.service()  # the one that will answer
        else:
            bootstrap.build(settings)  # each worker makes its own; what is wrong is said here
        listening = _listen(host, port)
    shown = f"[{host}]" if ":" in host else host
    scheme = "https" if tls else "http"
    typer.echo(f"cds: listening on {scheme}://{shown}:{listening.getsockname()[1]}", err=True)
    run(settings, listening, tls)


@app.command()
def evaluate(
    request: Annotated[Path, typer.Argument(help="A file with the body of a hook call.")],
    now: Annotated[
        str | None, typer.Option(help="Clinical time, for example 2026-11-21T09:00:00+00:00.")
    ] = None,
    trace: Annotated[bool, typer.Option(help="Also print why, in words.")] = False,
) -> None:
    """Answer one hook call from a file, the same way as over HTTP, and print the response."""
    with told():
        settings, moment, body = Settings.from_environment(), _instant(now), _read(request)
        service = bootstrap.build(settings, moment, whole=trace)
        try:
            if len(body) > settings.max_body:
                raise TooLarge(f"the body is larger than {settings.max_body} bytes")
            entry = _service_for(hook_of(body), service)
            answer = service.answer(read_call(entry, body), SANDBOX, Fetched(), ())
        except BadRequest as error:
            _print(encode(refusal(error)))
            raise
    _print(encode_cards(answer.cards))
    if trace:
        typer.echo(f"\n{prose(answer.decisions)}")


@app.command("sample")
def sample_call(
    name: Annotated[str, typer.Argument(help="Which synthetic patient.")] = FIRST,
    now: Annotated[
        str | None, typer.Option(help="Clinical time, for example 2026-11-21T09:00:00+00:00.")
    ] = None,
    listed: Annotated[bool, typer.Option("--list", help="Name all of them, by folder.")] = False,
    fhir: Annotated[
        str | None,
        typer.Option(help="Leave the data out: the service fetches it from this FHIR server."),
    ] = None,
) -> None:
    """Print the body of a hook call about a synthetic patient, its dates fresh, for a first try."""
    with told():
        if listed:
            text = "\n".join(
                f"{found.folder:8}  {found.name}: {found.title}" for found in samples()
            )
        else:
            moment = bootstrap.clinical_now(Settings.from_environment(), _instant(now))
            body = sample_request(moment, name, fhir)
            text = json.dumps(body, indent=2, ensure_ascii=False)
    _print(text.encode())


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
    except (OSError, OverflowError) as error:
        number = error.errno if isinstance(error, OSError) else None
        reason = os.strerror(number) if number and number > 0 else "no such address or port"
        raise SettingsError(
            f"cannot listen on {host} port {port}: {reason}; choose another with --host and --port"
        ) from None


def _tls(cert: Path | None, key: Path | None) -> tuple[Path, Path] | None:
    if cert is None and key is None:
        return None
    if cert is None or key is None:
        raise SettingsError("--tls-cert and --tls-key: give both, or neither")
    try:
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(cert, key)
    except (OSError, ssl.SSLError):
        raise SettingsError(
            "--tls-cert and --tls-key: these files are no certificate with its key; "
            "both are PEM files"
        ) from None
    return cert, key


def _service_for(hook: str, service: bootstrap.Service) -> ServiceEntry:
    """The body of a file names no service id: the first service of its hook answers."""
    for entry in service.services.values():
        if entry.hook == hook:
            return entry
    hooks = ", ".join(sorted({entry.hook for entry in service.services.values()}))
    raise BadRequest(f"no service answers this `hook`; there are: {hooks}", where="hook")


def _instant(text: str | None) -> datetime | None:
    try:
        return None if text is None else variables.read_instant(text)
    except ValueError as error:
        raise SettingsError(f"--now: {error}") from None


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise SettingsError(
            f"{path}: cannot be read ({error.strerror}); name a file with the body of a hook call"
        ) from None


def _print(body: bytes) -> None:
    sys.stdout.write(body.decode("utf-8") + "\n")
