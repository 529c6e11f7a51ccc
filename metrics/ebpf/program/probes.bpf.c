/* All programs in one object, so that they share maps; each is loaded for itself. */
#include "kernel.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>
#include "layout.h"
#include "steps.h"
#include "maps.h"
#include "tasks.h"
#include "../src/memory/faults.h"
#include "listeners.h"

/* Not attached: run by the server once, to learn how deep its pid namespace is. */
SEC("raw_tp")
int process_level(struct bpf_raw_tracepoint_args *args)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	return BPF_CORE_READ(task, thread_pid, level);
}

#include "../src/accept/program.bpf.c"
#include "../src/scheduler/program.bpf.c"
#include "../src/network/program.bpf.c"
#include "../src/signals/program.bpf.c"
#include "../src/syscalls/program.bpf.c"
#include "../src/memory/program.bpf.c"

char LICENSE[] SEC("license") = "Dual MIT/GPL";
