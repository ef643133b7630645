"""Which files of the documentation hold examples to run: pages and extensions; scripts of the gallery have a test of their own."""

collect_ignore_glob = ["conf.py", "gallery/*", "auto_gallery/*"]
