"""What pytest has to know before it collects."""


def pytest_configure(config):
    # Tests make components only to ask for a latency, or for the error of their constructor; Amaranth suspects that
    # they were forgotten in a design.
    config.addinivalue_line("filterwarnings", r"ignore:.* created but never used")
