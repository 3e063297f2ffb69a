"""The network guard; its folder goes into PYTHONPATH so that child interpreters load it too."""
