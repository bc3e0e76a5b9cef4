"""What can be set, and what is said when it cannot."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from cds import settings as module
from cds.errors import SettingsError
from cds.settings import Settings, cautions, read_settings, unknown_variables, usual_folder


def test_without_any_variable_the_safe_defaults_hold() -> None:
    settings = read_settings({})
    assert not settings.sandbox
    assert settings.now is None
    assert settings.max_body == 5 * 1024 * 1024
    assert settings.cors_origins == ()
    assert settings.rules.name == "rules"


def test_every_setting_can_be_given(tmp_path: Path) -> None:
    settings = read_settings(
        {
            "CDS_RULES": str(tmp_path),
            "CDS_SITE": "north",
            "CDS_SANDBOX": "1",
            "CDS_NOW": "2026-11-21T09:00:00+00:00",
            "CDS_MAX_BODY": "4096",
            "CDS_CORS_ORIGINS": "https://a.example, https://b.example/",
            "CDS_PUBLIC_URL": "https://cds.example.org/",
            "CDS_LOG_LEVEL": "WARNING",
        }
    )
    assert settings == Settings(
        rules=tmp_path,
        site="north",
        sandbox=True,
        now=datetime(2026, 11, 21, 9, tzinfo=UTC),
        max_body=4096,
        cors_origins=("https://a.example", "https://b.example"),
        public_url="https://cds.example.org",
        log_level="warning",
    )


@pytest.mark.parametrize(
    ("variable", "value", "form"),
    [
        ("CDS_RULES", "/no/such/folder", "a folder that exists"),
        ("CDS_SANDBOX", "perhaps", "1 or 0"),
        ("CDS_NOW", "yesterday", "date and time with offset"),
        ("CDS_NOW", "2026-11-21T09:00:00", "date and time with offset"),
        ("CDS_MAX_BODY", "5 MiB", "whole number of bytes"),
        ("CDS_MAX_BODY", "-1", "whole number of bytes"),
        ("CDS_MAX_BODY", "12", "at least 1024"),
        ("CDS_CORS_ORIGINS", "ehr.example.org", "scheme and host, no path"),
        ("CDS_CORS_ORIGINS", "https://ehr.example.org/app", "scheme and host, no path"),
        ("CDS_PUBLIC_URL", "cds.example.org", "http or https address"),
        ("CDS_LOG_LEVEL", "loud", "debug, info, warning, error"),
    ],
)
def test_a_value_that_cannot_be_used_is_refused_with_the_form_it_must_have(
    variable: str, value: str, form: str
) -> None:
    with pytest.raises(SettingsError) as refused:
        read_settings({"CDS_SANDBOX": "1", variable: value})
    assert str(refused.value).startswith(f"{variable}: ")
    assert form in str(refused.value)
    assert "for example" in str(refused.value) or variable == "CDS_NOW"


@pytest.mark.parametrize(
    "value",
    [
        "",
        "sqlite:///state/audit.db",
        "sqlite:////var/lib/cds/audit.db",
        "postgresql://cds:secret@db.example.org/cds",
        "postgresql://cds:s%40cret@db.example.org:5433/cds?sslmode=verify-full",
        "postgresql:///cds?host=/run/postgresql",
        "postgresql://cds@one.example.org:5432,two.example.org:5432/cds",
        "postgresql://cds:secret@[::1]/cds",
    ],
)
def test_a_database_is_a_file_or_a_server(value: str) -> None:
    assert read_settings({"CDS_DATABASE_URL": value}).database_url == (value or None)


@pytest.mark.parametrize(
    ("value", "form"),
    [
        ("state/audit.db", "sqlite:/// and a path"),
        ("sqlite:///", "sqlite:/// and a path"),
        ("mysql://cds:secret@db/cds", "postgresql:// and where"),
        ("postgres://cds:secret@db/cds", "must begin with postgresql://"),
        ("postgresql://cds:secret@db", "HOST/DATABASE"),
        ("postgresql://cds:secret@db/", "HOST/DATABASE"),
        ("postgresql:///cds", "HOST/DATABASE"),
        ("postgresql://cds:secret@db:port/cds", "HOST/DATABASE"),
        ("postgresql://cds:secret@word@db/cds", "%40 for @"),
        ("postgresql://cds:secret#word@db/cds", "%23 for #"),
        ("postgresql://cds:secret/word@db/cds", "%2F for /"),
        ("postgresql://cds:secret@[db/cds", "HOST/DATABASE"),
        ("postgresql://cds:secret@db/cds and more", "HOST/DATABASE"),
    ],
)
def test_a_database_that_cannot_be_used_is_refused_without_its_password(
    value: str, form: str
) -> None:
    with pytest.raises(SettingsError) as refused:
        read_settings({"CDS_DATABASE_URL": value})
    assert str(refused.value).startswith("CDS_DATABASE_URL: ")
    assert form in str(refused.value)
    assert "secret" not in str(refused.value)
    assert "word" not in str(refused.value).replace("password", "")


@pytest.mark.parametrize(
    ("variable", "value"),
    [("CDS_NOW", "2026-11-21T09:00:00Z"), ("CDS_CORS_ORIGINS", "*")],
)
def test_what_only_a_sandbox_may_do_is_refused_outside_it(variable: str, value: str) -> None:
    assert read_settings({"CDS_SANDBOX": "1", variable: value}).sandbox
    with pytest.raises(SettingsError, match=f"^{variable}: .*sandbox only"):
        read_settings({variable: value})


def test_a_misspelt_variable_is_told_with_the_nearest_real_one() -> None:
    assert unknown_variables(["CDS_SANDBX", "CDS_SANDBOX", "CDS_REQUIRE", "PATH"]) == (
        "CDS_SANDBX is not a setting and is ignored; the nearest one is CDS_SANDBOX",
    )


@pytest.mark.parametrize("name", ["rules", "fhir_fixtures"])
@pytest.mark.parametrize(
    ("there", "taken"),
    [
        ({"here", "carried", "beside"}, "here"),
        ({"carried", "beside"}, "carried"),
        ({"beside"}, "beside"),
        (set(), "beside"),
    ],
    ids=["in a checkout or beside own rules", "installed", "checkout from elsewhere", "nowhere"],
)
def test_a_folder_is_taken_from_here_then_from_the_package_then_from_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, there: set[str], taken: str
) -> None:
    package = tmp_path / "site" / "cds"
    places = {
        "here": tmp_path / "here" / name,
        "carried": package / "_bundled" / name,
        "beside": tmp_path / "site" / name,
    }
    (tmp_path / "here").mkdir()
    for place in there:
        places[place].mkdir(parents=True)
    monkeypatch.setattr(module, "__file__", str(package / "settings.py"))
    monkeypatch.setattr(module, "BUNDLED", package / "_bundled")
    monkeypatch.chdir(tmp_path / "here")
    assert usual_folder(name).resolve() == places[taken]


def test_a_file_called_rules_is_no_folder_of_rules(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "rules").touch()
    monkeypatch.chdir(tmp_path)
    assert read_settings({}).rules.is_dir()


TOKEN = "a-token-of-a-role-for-the-tests"


@pytest.mark.parametrize(
    ("variables", "on"),
    [
        ({}, False),
        ({"CDS_SANDBOX": "1"}, True),
        ({"CDS_SANDBOX": "1", "CDS_CONSOLE": "0"}, False),
        ({"CDS_CONSOLE": "1", "CDS_VIEWER_TOKEN": TOKEN}, True),
        ({"CDS_VIEWER_TOKEN": TOKEN}, False),
    ],
)
def test_the_console_is_off_outside_the_sandbox_unless_switched_on(
    variables: dict[str, str], on: bool
) -> None:
    assert read_settings(variables).console_on == on


def test_a_console_outside_the_sandbox_needs_a_token_to_sign_in_with() -> None:
    with pytest.raises(SettingsError, match=r"^CDS_CONSOLE: .*set CDS_REVIEWER_TOKEN"):
        read_settings({"CDS_CONSOLE": "1"})
    for role in ("VIEWER", "REVIEWER", "ADMIN"):
        assert read_settings({"CDS_CONSOLE": "1", f"CDS_{role}_TOKEN": TOKEN}).console_on


def test_two_roles_cannot_have_the_same_token() -> None:
    with pytest.raises(SettingsError, match=r"^CDS_VIEWER_TOKEN, CDS_ADMIN_TOKEN: ") as refused:
        read_settings({"CDS_VIEWER_TOKEN": TOKEN, "CDS_ADMIN_TOKEN": TOKEN})
    assert TOKEN not in str(refused.value)


@pytest.mark.parametrize("name", ["VIEWER_TOKEN", "REVIEWER_TOKEN", "ADMIN_TOKEN", "LINK_KEY"])
def test_a_secret_that_can_be_guessed_is_refused_and_none_is_shown(name: str) -> None:
    with pytest.raises(SettingsError, match=f"^CDS_{name}: must have at least 24 characters"):
        read_settings({f"CDS_{name}": "short"})
    assert TOKEN not in repr(read_settings({f"CDS_{name}": TOKEN}))


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({}, []),
        ({"CDS_PUBLIC_URL": "https://cds.example.org"}, ["cards carry no link"]),
        ({"CDS_PUBLIC_URL": "https://cds.example.org", "CDS_LINK_KEY": TOKEN}, []),
        ({"CDS_PUBLIC_URL": "https://cds.example.org", "CDS_SANDBOX": "1"}, []),
        ({"CDS_SANDBOX": "1", "CDS_WORKERS": "2"}, ["only in the worker that made them"]),
        ({"CDS_SANDBOX": "1", "CDS_WORKERS": "2", "CDS_LINK_KEY": TOKEN}, []),
        ({"CDS_WORKERS": "2"}, []),
        (
            {"CDS_CONSOLE": "1", "CDS_VIEWER_TOKEN": TOKEN, "CDS_WORKERS": "2"},
            ["only in the worker that made them"],
        ),
    ],
)
def test_what_works_less_well_without_the_key_of_links_is_told_once(
    variables: dict[str, str], told: list[str]
) -> None:
    found = cautions(read_settings(variables))
    assert len(found) == len(told)
    assert all(words in line for words, line in zip(told, found, strict=True))
