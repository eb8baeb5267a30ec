def explain_cli() -> None:
    """x"""
