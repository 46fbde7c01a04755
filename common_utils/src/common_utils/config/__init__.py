"""Settings: strict sections, one YAML file, environment and --set over it."""

from __future__ import annotations

from common_utils.config.settings import (
    BaseConfig,
    dump_config,
    find_config,
    load_config,
    resolve_path,
    said_settings,
    suggest_key,
)

__all__ = ["BaseConfig", "dump_config", "find_config", "load_config", "resolve_path", "said_settings", "suggest_key"]
