/* System calls of requests, by class. See mod.rs for what is counted and what it costs. */

enum bpf_func_id___syscalls {
	BPF_FUNC_get_current_task_btf___syscalls = 158,
};

/* Row of `threads`, raised by one, of the running thread when it is a core's. */
static __always_inline __u32 own_row(void)
{
	if (bpf_core_enum_value_exists(enum bpf_func_id___syscalls, BPF_FUNC_get_current_task_btf___syscalls))
		return row_of((struct task_struct *)bpf_get_current_task_btf());
	/* Kernels that do not know the type of the running task. */
	if (!pid_level)
		return find_tid(bpf_get_current_pid_tgid());
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	return find_tid(number_of(BPF_CORE_READ(task, thread_pid)));
}

SEC("tp_btf/sys_enter")
int BPF_PROG(syscalls_enter, void *regs, long number)
{
	struct thread_row *thread = thread_at(own_row());
	if (!thread || !thread->request)
		return 0;
	thread->call_ns = bpf_ktime_get_ns();
	thread->call = number + 1;
	return 0;
}

SEC("tp_btf/sys_exit")
int BPF_PROG(syscalls_exit, void *regs, long answer)
{
	__u32 row = own_row();
	struct thread_row *thread = thread_at(row);
	if (!thread || !thread->call)
		return 0;
	__u64 call = thread->call, request = thread->request;
	__u64 ns = bpf_ktime_get_ns() - thread->call_ns;
	thread->call = 0;
	if (thread->slowest_of != request) {
		thread->slowest_ns = ns;
		thread->slowest = call;
		thread->slowest_of = request;
	} else if (ns > thread->slowest_ns) {
		thread->slowest_ns = ns;
		thread->slowest = call;
	}
	__u32 at = call - 1;
	__u64 *known = bpf_map_lookup_elem(&calls, &at);
	__u64 class = known ? *known - 1 : CALL_OTHER;
	struct worker_row *worker = worker_at(worker_of(row));
	if (!worker || class >= SYSCALL_CLASSES)
		return 0;
	record(&worker->syscalls[class * STEP_WORDS], ns);
	if ((__u64)answer >= (__u64)-4095)
		add(worker->syscall_errors[class], 1);
	return 0;
}
