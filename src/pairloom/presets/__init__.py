"""Named experiments, as YAML files to read and copy."""
