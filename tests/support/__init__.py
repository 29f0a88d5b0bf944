"""What tests share: the cocotb runner, stream drivers and small components to try the harness on."""
