"""The training scripts of ``reprokit demo``: ordinary scripts that know nothing of reprokit."""
