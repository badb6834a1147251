"""What tests of several kinds share: servers, installations, waiting, and small logics."""
