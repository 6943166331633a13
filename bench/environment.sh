# Sourced by the scripts of this tree, not run. Sets JOBS (unless it is set), and what mpirun needs to start several ranks on one
# machine: as root, with fewer cores than ranks, and beside other runs.
# shellcheck shell=bash

export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1  # root is the usual user inside a container
export OMPI_MCA_plm=isolated                                      # ranks on this machine only: mpirun need not find ssh, or Slurm
export OMPI_MCA_rmaps_base_oversubscribe=1                        # more ranks than cores
export OMPI_MCA_mpi_yield_when_idle=1                             # a rank that waits gives its core to one that works
export OMPI_MCA_hwloc_base_binding_policy=none                    # two runs side by side would bind to the same cores

# Compiling takes up to 1.5 GiB a job.
if [[ -z "${JOBS:-}" ]]; then
  JOBS=$(nproc)
  memory_kib=$(awk '/^MemAvailable:/ { print $2 }' /proc/meminfo 2>/dev/null || true)
  if [[ -r /sys/fs/cgroup/memory.max ]] && read -r limit </sys/fs/cgroup/memory.max && [[ "$limit" =~ ^[0-9]+$ ]]; then
    limit_kib=$((limit / 1024))
    if [[ -z "$memory_kib" ]] || ((limit_kib < memory_kib)); then memory_kib=$limit_kib; fi
  fi
  if [[ -n "$memory_kib" ]]; then
    fitting=$((memory_kib / (1536 * 1024)))
    if ((fitting < JOBS)); then JOBS=$fitting; fi
  fi
  if ((JOBS < 1)); then JOBS=1; fi
fi
export JOBS

# step WHAT COMMAND...: says what is done, does it, and ends the script with the command's exit code if it fails.
step() {
  local what=$1 code=0
  shift
  echo "== $what" >&2
  "$@" || code=$?
  if ((code != 0)); then
    echo "$(basename "$0"): $what: failed with exit code $code: $*" >&2
    exit "$code"
  fi
}
