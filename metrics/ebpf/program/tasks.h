/* Whose event it is: the row of a core's thread, the entry of a process. */
#pragma once

/* The number of a pid at the depth of the server's namespace. */
static __always_inline struct upid *number_at(struct pid *pid)
{
	__u64 offset = bpf_core_field_offset(struct pid, numbers) +
		       pid_level * bpf_core_type_size(struct upid);
	return (struct upid *)((char *)pid + offset);
}

/* Whether a number is one of the server's namespace, and not of another one as deep. */
static __always_inline bool is_ours(struct upid *entry)
{
	struct pid_namespace *ns = 0;
	unsigned int inum = 0;
	bpf_core_read(&ns, sizeof(ns), &entry->ns);
	bpf_core_read(&inum, sizeof(inum), &ns->ns.inum);
	return inum == pid_ns;
}

/* The number of a pid in the server's namespace, 0 for one that has none there. */
static __always_inline __u32 number_of(struct pid *pid)
{
	unsigned int level = 0;
	bpf_core_read(&level, sizeof(level), &pid->level);
	if (level < pid_level)
		return 0;
	struct upid *entry = number_at(pid);
	int nr = 0;
	if (!is_ours(entry))
		return 0;
	bpf_core_read(&nr, sizeof(nr), &entry->nr);
	return nr;
}

/* The id of a task as the server sees it, 0 for one outside of its pid namespace. */
static __always_inline __u32 tid_of(struct task_struct *task)
{
	if (!pid_level)
		return task->pid;
	return number_of(task->thread_pid);
}

/* The same of its process. `task` may be one that is read with bpf_get_current_task(). */
static __always_inline __u32 pid_of(struct task_struct *task)
{
	if (!pid_level)
		return BPF_CORE_READ(task, tgid);
	return number_of(BPF_CORE_READ(task, group_leader, thread_pid));
}

/* Kernels where this exists hand a task to mark_victim, those before a thread id. */
struct trace_event_raw_mark_victim___task {
	__u32 __data_loc_comm;
} __attribute__((preserve_access_index));

/* The pid of whom the kernel has chosen for want of memory; 0 where it cannot be told in the
 * server's namespace. */
static __always_inline __u32 victim_of(__u64 *ctx)
{
	if (bpf_core_field_exists(struct trace_event_raw_mark_victim___task, __data_loc_comm))
		return pid_of((struct task_struct *)ctx[0]);
	return pid_level ? 0 : ctx[0];
}

/* The number of a process of this server (below NO_WORKER that of a worker), 0 for any other. A
 * place that was given back may lie between others, so none of them ends the search. */
static __always_inline __u32 find_pid(__u32 pid)
{
	if (!pid)
		return 0;
	for (int i = 0; i < PID_TRIES; i++) {
		__u32 at = (pid + i) % PIDS;
		__u64 *entry = bpf_map_lookup_elem(&pids, &at);
		if (entry && *entry >> 32 == pid)
			return (__u32)*entry;
	}
	return 0;
}

/* Row of the thread with this id, raised by one; 0 for a thread that is no core of ours. */
static __always_inline __u32 find_tid(__u32 tid)
{
	for (int i = 0; i < TID_TRIES; i++) {
		__u32 at = (tid + i) % TIDS;
		__u64 *entry = bpf_map_lookup_elem(&tids, &at);
		if (!entry || !*entry)
			return 0;
		if (*entry >> 32 == tid)
			return (__u32)*entry;
	}
	return 0;
}

/* The same of a task that is an argument of a tracepoint, or the running one: for most of them, which
 * are not ours, with as few reads as possible. */
static __always_inline __u32 row_of(struct task_struct *task)
{
	if (!pid_level)
		return find_tid(task->pid);
	struct pid *pid = task->thread_pid;
	if (!pid || pid->level < pid_level)
		return 0;
	struct upid *entry = number_at(pid);
	int nr = 0;
	bpf_core_read(&nr, sizeof(nr), &entry->nr);
	__u32 row = find_tid(nr);
	return row && is_ours(entry) ? row : 0;
}

static __always_inline struct thread_row *thread_at(__u32 row)
{
	__u32 index = row - 1;
	return row ? bpf_map_lookup_elem(&threads, &index) : 0;
}

/* The worker that a row of `threads` (raised by one) belongs to, from 1. */
static __always_inline __u32 worker_of(__u32 row)
{
	__u32 each = cores;
	return each ? (row - 1) / each + 1 : 0;
}
