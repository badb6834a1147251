"""Helpers that several kinds of tests share: servers, installations, waiting, and small logics."""
