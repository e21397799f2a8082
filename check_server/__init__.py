"""Read a real Beeper server and report how its answers differ from the simulator's.

The report contains shapes only: keys, types and values from the fixed lists in
`vocabulary`. Everything else is masked before it is compared or written.
"""
