"""Settings: `FIRESIDE_*` environment variables over `fireside.toml` over the defaults below.

Read once at the edge (cli, server) and handed down; no room reads the environment by itself.
`docs/settings.md` holds the same table for people, and a test holds it against this class.
"""

from __future__ import annotations

import os
import tomllib
from functools import cache
from pathlib import Path
from typing import Final, Literal

import platformdirs
from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from fireside.errors import BadRequest
from fireside.toml_files import error_path, explain, first_error

FILE: Final = "fireside.toml"

Precision = Literal["auto", "int8", "float32", "bfloat16", "float16"]


def default_home() -> Path:
    """The platform's user data folder, e.g. `~/.local/share/fireside` on Linux."""
    return Path(platformdirs.user_data_dir("fireside", appauthor=False))


class Settings(BaseSettings):
    model_config = SettingsConfigDict(
        env_prefix="FIRESIDE_", toml_file=FILE, extra="forbid", frozen=True
    )

    home: Path = Field(default_factory=default_home, description="Models, database and runs.")
    model: str = Field("smollm2:135m", description="The model that answers when none is named.")
    embedding_model: str = Field(
        "minilm:l6", description="The model that embeds texts and documents when none is named."
    )
    aliases: dict[str, str] = Field(
        default_factory=dict, description="Other names for models: `{name = model}`."
    )
    openai_names: bool = Field(
        True, description="OpenAI's names (`gpt-4o`, ...) lead to the default models."
    )
    host: str = Field("127.0.0.1", description="Address that `serve` binds.")
    port: int = Field(
        8080, ge=0, le=65535, description="Port that `serve` binds; 0 takes a free one."
    )
    threads: int = Field(
        0, ge=0, le=1024, description="CPU threads for the model; 0 takes one per core."
    )
    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="Where the model runs.")
    precision: Precision = Field(
        "auto",
        description="Arithmetic of the weights; `auto` picks the fastest that keeps quality.",
    )
    exact_answers: bool = Field(
        True,
        description="Answers do not depend on what else is computed, also where that is slower.",
    )
    native: Literal["auto"] | bool = Field(
        "auto",
        description="Run models in the native core: `auto` those that it knows, where it is "
        "built; `true` refuses the others.",
    )
    kv_cache_mib: int = Field(
        0, ge=0, description="Memory for the KV cache in MiB; 0 takes a share of what is free."
    )
    max_batch: int = Field(32, ge=1, le=1024, description="Sequences that run in one step.")
    max_queue: int = Field(256, ge=1, description="Requests that may wait before a 429.")
    max_connections: int = Field(
        0,
        ge=0,
        le=1_000_000,
        description="Connections that may be open; 0 takes as many as the system's limit of "
        "open files allows, and 4096 at most.",
    )
    prefill_chunk: int = Field(512, ge=16, description="Prompt tokens that run in one step.")
    speculative: bool = Field(True, description="Lossless speculation by prompt lookup.")
    try_anyway: bool = Field(
        False, description="A model that was measured to be too small for a persona answers all "
        "the same, marked.",
    )  # fmt: skip
    check_pulled: bool = Field(
        True,
        description="After a pull the personas are checked with the model, once, in the "
        "background.",
    )
    drain_seconds: float = Field(
        30.0, ge=0, description="How long a stop waits for running answers."
    )
    sms_url: str = Field(
        "https://api.twilio.com", description="SMS gateway with Twilio's interface, for `send_sms`."
    )
    sms_account: str = Field("", description="Its account; empty: no SMS can be sent.")
    sms_token: SecretStr = Field(SecretStr(""), description="Its token.")
    sms_from: str = Field("", description="The number that SMS come from.")
    smtp_host: str = Field(
        "", description="Mail server, for `send_email`; empty: no e-mail can be sent."
    )
    smtp_port: int = Field(587, ge=1, le=65535, description="Its port.")
    smtp_security: Literal["starttls", "tls", "none"] = Field(
        "starttls", description="How the connection to it is encrypted; `none` is for a local one."
    )
    smtp_user: str = Field("", description="Its user; empty: no login.")
    smtp_password: SecretStr = Field(SecretStr(""), description="Its password.")
    smtp_from: str = Field("", description="The address that e-mails come from.")
    caldav_url: str = Field(
        "", description="A calendar on a CalDAV server; empty: calendars are files."
    )
    caldav_user: str = Field("", description="Its user.")
    caldav_password: SecretStr = Field(SecretStr(""), description="Its password.")
    caldav_owner: str = Field(
        "",
        description="Whose calendar it is: a project's id; empty: the one person's without keys.",
    )

    mcp_servers: list[str] = Field(
        default_factory=list,
        description="URLs that a request's `mcp` tool may name as its server; none by default.",
    )

    retention_days: int = Field(
        0,
        ge=0,
        le=36_500,
        description="Days after which what nobody has used is deleted; 0 keeps it.",
    )

    @field_validator("home")
    @classmethod
    def _from_the_users_home(cls, home: Path) -> Path:
        return home.expanduser()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)

    @property
    def models_dir(self) -> Path:
        return self.home / "models"

    @property
    def files_dir(self) -> Path:
        """What was uploaded, one file by its id."""
        return self.home / "files"

    @property
    def runs_dir(self) -> Path:
        """Training runs that the API started, one folder each."""
        return self.home / "runs"

    @property
    def chosen_model_path(self) -> Path:
        """Names the model that answers instead of the default one, where a person chose it."""
        return self.home / "chosen-model.txt"

    @property
    def database_path(self) -> Path:
        return self.home / "fireside.db"


@cache
def load_settings() -> Settings:
    """The settings of this process.

    Raises:
        BadRequest: an unknown or ill-typed setting; the line names it.
    """
    try:
        settings = Settings()
        if "model" not in settings.model_fields_set and (chosen := _chosen_model(settings)):
            return settings.model_copy(update={"model": chosen})
        return settings
    except ValidationError as error:
        name = ".".join(map(str, error_path(first_error(error))))
        raise BadRequest(
            f"{_explain(error, name)} docs/settings.md lists all settings.", param=name
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadRequest(f"{FILE} is not valid TOML in UTF-8: {error}.") from None


def _explain(error: ValidationError, name: str) -> str:
    """A mistake in the file names its line, one in the environment its variable."""
    variable = f"FIRESIDE_{name.upper()}"
    if variable in os.environ:
        return explain(error, Settings, origin=variable)
    text = Path(FILE).read_text(encoding="utf-8") if Path(FILE).is_file() else ""
    return explain(error, Settings, origin=FILE if text else "Settings", text=text)


def _chosen_model(settings: Settings) -> str | None:
    try:
        return settings.chosen_model_path.read_text(encoding="utf-8").strip() or None
    except (OSError, UnicodeDecodeError):
        return None
