/* Scheduler. See mod.rs for what is counted and what it costs. */

/* include/linux/sched.h; what is not in its name is the state since Linux 5.14 and before. */
struct task_struct___scheduler {
	unsigned int __state;
	unsigned int in_iowait : 1;
	void *stack;
	struct files_struct *files;
} __attribute__((preserve_access_index));

struct task_struct___before {
	long state;
} __attribute__((preserve_access_index));

#define TASK_UNINTERRUPTIBLE 2

/* arch/x86/include/asm/ptrace.h: the number of the system call, -1 outside of one, and its first argument. */
struct pt_regs___x86 {
	unsigned long di;
	unsigned long orig_ax;
} __attribute__((preserve_access_index));

/* arch/arm64/include/asm/ptrace.h: the same. */
struct pt_regs___arm64 {
	__u64 orig_x0;
	int syscallno;
} __attribute__((preserve_access_index));

struct inode___scheduler {
	unsigned short i_mode;
} __attribute__((preserve_access_index));

struct file___scheduler {
	struct inode___scheduler *f_inode;
} __attribute__((preserve_access_index));

enum bpf_func_id___scheduler {
	BPF_FUNC_task_pt_regs___scheduler = 175,
};

/* include/uapi/linux/stat.h */
#define S_IFMT 0170000
#define S_IFSOCK 0140000

/* A kernel without bpf_task_pt_regs has the registers at the end of the stack, which is of this size. */
#define STACK_SIZE 16384

#define NO_CALL ((__u64)-1)

struct entered {
	__u64 call;  /* number of the system call, or NO_CALL */
	__u64 first; /* its first argument */
};

/* The system call that a task is in: its registers as they were when it came into the kernel. */
static __always_inline struct entered entered_by(struct task_struct *task)
{
	struct entered is = { NO_CALL, 0 };
	bool x86 = bpf_core_field_exists(struct pt_regs___x86, orig_ax);
	bool arm64 = bpf_core_field_exists(struct pt_regs___arm64, syscallno);
	__s32 number = -1;
	if (bpf_core_enum_value_exists(enum bpf_func_id___scheduler, BPF_FUNC_task_pt_regs___scheduler)) {
		void *regs = (void *)bpf_task_pt_regs(task);
		if (x86) {
			is.call = ((struct pt_regs___x86 *)regs)->orig_ax;
			is.first = ((struct pt_regs___x86 *)regs)->di;
		} else if (arm64) {
			is.call = (__s64)((struct pt_regs___arm64 *)regs)->syscallno;
			is.first = ((struct pt_regs___arm64 *)regs)->orig_x0;
		}
		return is;
	}
	char *end = (char *)((struct task_struct___scheduler *)task)->stack + STACK_SIZE;
	if (x86) {
		struct pt_regs___x86 *regs = (void *)(end - bpf_core_type_size(struct pt_regs___x86));
		bpf_core_read(&is.call, sizeof(is.call), &regs->orig_ax);
		bpf_core_read(&is.first, sizeof(is.first), &regs->di);
	} else if (arm64) {
		struct pt_regs___arm64 *regs = (void *)(end - bpf_core_type_size(struct pt_regs___arm64));
		bpf_core_read(&number, sizeof(number), &regs->syscallno);
		bpf_core_read(&is.first, sizeof(is.first), &regs->orig_x0);
		is.call = (__s64)number;
	}
	return is;
}

/* True when descriptor `fd` of a task is a socket. */
static __always_inline bool is_socket(struct task_struct *task, __u64 fd)
{
	struct fdtable *table = task->files->fdt;
	if (fd >= table->max_fds)
		return 0;
	struct file___scheduler *file = 0;
	struct inode___scheduler *inode = 0;
	unsigned short mode = 0;
	bpf_probe_read_kernel(&file, sizeof(file), table->fd + fd);
	bpf_core_read(&inode, sizeof(inode), &file->f_inode);
	bpf_core_read(&mode, sizeof(mode), &inode->i_mode);
	return (mode & S_IFMT) == S_IFSOCK;
}

/* Why a task that is not able to run gives the processor away. */
static __always_inline __u32 why_waits(struct task_struct *task, unsigned int state)
{
	struct entered is = entered_by(task);
	bool hard = state & TASK_UNINTERRUPTIBLE;
	if (is.call >= CALLS) /* a page fault waits hard, a stop by a signal does not */
		return hard ? WAIT_MEMORY : WAIT_SYSTEM_CALL;
	if (hard && BPF_CORE_READ_BITFIELD((struct task_struct___scheduler *)task, in_iowait))
		return WAIT_DISK;
	__u32 at = is.call;
	__u64 *class = bpf_map_lookup_elem(&calls, &at);
	switch (class && *class ? *class - 1 : CALL_OTHER) {
	case CALL_FUTEX:
		return WAIT_LOCK;
	case CALL_NETWORK:
		return WAIT_NETWORK;
	case CALL_POLL: /* nothing to look at: a sleep */
		return is.first ? WAIT_NETWORK : WAIT_SYSTEM_CALL;
	case CALL_FSYNC:
		return WAIT_DISK;
	case CALL_FILE: /* also by what does not mark itself, as file systems of other machines */
		return hard ? WAIT_DISK : WAIT_SYSTEM_CALL;
	case CALL_READ:
	case CALL_WRITE:
		if (hard)
			return WAIT_DISK;
		return is_socket(task, is.first) ? WAIT_NETWORK : WAIT_SYSTEM_CALL;
	default:
		return WAIT_SYSTEM_CALL;
	}
}

static __always_inline unsigned int state_of(struct task_struct *task)
{
	if (bpf_core_field_exists(struct task_struct___scheduler, __state))
		return ((struct task_struct___scheduler *)task)->__state;
	return ((struct task_struct___before *)task)->state;
}

static __always_inline void comes_back(struct thread_row *thread, struct worker_row *worker, __u64 now)
{
	__u64 out = thread->out_ns, ready = thread->ready_ns, why = thread->why;
	__u64 processor = bpf_get_smp_processor_id() + 1;
	__u32 during = thread->during & 1;
	if (ready < out || ready > now)
		ready = now;
	/* Whoever reads the sums in between finds them without this wait, never with it twice. */
	thread->out_ns = 0;
	thread->ready_ns = 0;
	barrier();
	thread->waits[WAIT_RUN_QUEUE] += now - ready;
	if (why < WAITS)
		thread->waits[why] += ready - out;
	if (during) {
		add(worker->waited_ns[WAIT_RUN_QUEUE], now - ready);
		if (why < WAITS && ready > out)
			add(worker->waited_ns[why], ready - out);
	}
	record(worker->run_queue + during * STEP_WORDS, now - ready);
	record(worker->off_cpu + during * STEP_WORDS, now - out);
	if (thread->cpu != processor)
		add(worker->migrations, 1);
}

static __always_inline void leaves(struct task_struct *task, struct thread_row *thread, struct worker_row *worker,
				   bool preempted, __u64 now)
{
	/* Not every kernel tells of every switch. Of a return that was not seen, only the wait for a
	 * processor is lost: it ran when it was able to. */
	if (thread->out_ns && thread->ready_ns)
		comes_back(thread, worker, thread->ready_ns);
	/* A task that is able to run has only been told to let others run. */
	unsigned int state = preempted ? 0 : state_of(task);
	__u32 during = thread->request != 0;
	thread->during = during;
	if (state) {
		thread->why = why_waits(task, state);
		thread->ready_ns = 0;
		add(worker->voluntary[during], 1);
	} else {
		thread->why = WAIT_RUN_QUEUE;
		thread->ready_ns = now;
		add(worker->involuntary[during], 1);
	}
	thread->cpu = bpf_get_smp_processor_id() + 1;
	thread->out_ns = now;
}

SEC("tp_btf/sched_switch")
int BPF_PROG(scheduler_switch, bool preempted, struct task_struct *out, struct task_struct *in)
{
	__u32 leaving = row_of(out), coming = row_of(in);
	if (!leaving && !coming)
		return 0;
	__u64 now = bpf_ktime_get_ns();
	if (leaving) {
		struct thread_row *thread = thread_at(leaving);
		struct worker_row *worker = worker_at(worker_of(leaving));
		if (thread && worker) {
			leaves(out, thread, worker, preempted, now);
			if (faults)
				count_faults(out, thread, worker);
		}
	}
	if (coming) {
		struct thread_row *thread = thread_at(coming);
		struct worker_row *worker = worker_at(worker_of(coming));
		/* One that was registered while it ran has not left. */
		if (thread && worker && thread->out_ns)
			comes_back(thread, worker, now);
	}
	return 0;
}

SEC("tp_btf/sched_wakeup")
int BPF_PROG(scheduler_wakeup, struct task_struct *task)
{
	struct thread_row *thread = thread_at(row_of(task));
	/* One that has not left the processor yet goes on. */
	if (thread && thread->out_ns && !thread->ready_ns)
		thread->ready_ns = bpf_ktime_get_ns();
	return 0;
}
