"""What speed.py and scaling.py share: made-up corpora, systems, measuring, tables."""
