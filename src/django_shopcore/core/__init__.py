"""What every feature stands on: settings, errors, access, limits, pagination, parsing. Imports no feature."""
