/* Memory and disk. See mod.rs for what is counted, how faults are told apart, and what it costs. */
#include "faults.h"

struct request___memory {
	unsigned int cmd_flags;
	unsigned int __data_len;
} __attribute__((preserve_access_index));

/* The lowest bits of `cmd_flags` say what is asked for (include/linux/blk_types.h). */
#define REQ_OP_MASK 255
#define REQ_OP_READ 0
#define REQ_OP_WRITE 1

/* A request of a worker on its way, by address. */
struct io {
	__u64 ns;
	__u32 worker;
	__u32 write;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 2048);
	__type(key, __u64);
	__type(value, struct io);
} ios SEC(".maps");

SEC("tp_btf/sched_switch")
int BPF_PROG(memory_switch, bool preempted, struct task_struct *out)
{
	__u32 row = find_tid(tid_of(out));
	struct thread_row *thread = thread_at(row);
	struct worker_row *worker = row ? worker_at(worker_of(row)) : 0;
	if (thread && worker)
		count_faults(out, thread, worker);
	return 0;
}

static __always_inline int io_begins(const struct request___memory *rq)
{
	__u64 key = (__u64)rq;
	__u32 op = rq->cmd_flags & REQ_OP_MASK;
	__u32 worker = find_pid(pid_of((void *)bpf_get_current_task()));
	if (!worker || worker >= NO_WORKER || op > REQ_OP_WRITE) {
		/* An entry that is there is of a request that was merged into another one. */
		if (bpf_map_lookup_elem(&ios, &key))
			bpf_map_delete_elem(&ios, &key);
		return 0;
	}
	struct io io = { bpf_ktime_get_ns(), worker, op == REQ_OP_WRITE };
	bpf_map_update_elem(&ios, &key, &io, BPF_ANY);
	return 0;
}

SEC("tp_btf/block_io_start")
int BPF_PROG(memory_io_start, struct request___memory *rq)
{
	return io_begins(rq);
}

SEC("tp_btf/block_rq_issue")
int BPF_PROG(memory_io_issue_of, void *queue, struct request___memory *rq)
{
	return io_begins(rq);
}

SEC("tp_btf/block_rq_issue")
int BPF_PROG(memory_io_issue, struct request___memory *rq)
{
	return io_begins(rq);
}

/* A part of a request is done, mostly the whole. */
SEC("tp_btf/block_rq_complete")
int BPF_PROG(memory_io_done, struct request___memory *rq, int error, unsigned int bytes)
{
	__u64 key = (__u64)rq;
	struct io *io = bpf_map_lookup_elem(&ios, &key);
	if (!io)
		return 0;
	struct worker_row *worker = worker_at(io->worker);
	__u32 write = io->write & 1;
	if (worker && error)
		add(worker->block_errors, 1);
	else if (worker)
		add(worker->block_bytes[write], bytes);
	if (rq->__data_len > bytes)
		return 0;
	if (worker)
		record(worker->block_io + write * STEP_WORDS, bpf_ktime_get_ns() - io->ns);
	bpf_map_delete_elem(&ios, &key);
	return 0;
}

SEC("tp_btf/mark_victim")
int memory_oom(__u64 *ctx)
{
	__u32 number = find_pid(victim_of(ctx));
	struct worker_row *worker = number && number < NO_WORKER ? worker_at(number) : 0;
	if (worker)
		add(worker->oom, 1);
	return 0;
}
