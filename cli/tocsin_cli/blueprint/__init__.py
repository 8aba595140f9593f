"""Configuration as code: YAML files read with their lines, merged, compared with what holds, and applied."""
