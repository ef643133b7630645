"""The theorems, a group of them a module that lists ``CLAIMS``, and the provers that these call."""
