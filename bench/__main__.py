"""`python -m bench`: the service measured beside its peers; `make bench` fetches the peers first."""

from bench.command import bench

if __name__ == "__main__":
    bench(prog_name="python -m bench")
