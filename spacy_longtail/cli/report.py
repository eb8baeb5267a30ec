def report_cli() -> None:
    """x"""
