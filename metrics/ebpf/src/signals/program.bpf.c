/* Signals. See mod.rs for what is counted and what it costs. */

struct task_struct___signals {
	struct task_struct *group_leader;
	char comm[16];
} __attribute__((preserve_access_index));

union __sifields___signals {
	struct {
		__u32 _pid;
		__u32 _uid;
	} _kill;
	struct {
		void *_addr;
	} _sigfault;
} __attribute__((preserve_access_index));

struct kernel_siginfo___signals {
	int si_code;
	union __sifields___signals _sifields;
} __attribute__((preserve_access_index));

/* Results of sending, include/trace/events/signal.h. */
#define SIGNAL_DELIVERED 0
#define SIGNAL_LOSE_INFO 4

/* Senders that are no address, include/linux/sched/signal.h. */
#define SENT_BY_CALLER 0
#define SENT_BY_KERNEL 1

/* include/uapi/asm-generic/siginfo.h */
#define SI_USER 0
#define SI_TKILL (-6)

/* CHLD, CONT, STOP, TSTP, TTIN, TTOU, URG, WINCH: they end nobody. Their numbers are those of all
 * machines that run this server (x86, ARM, RISC-V). */
#define HARMLESS (1ULL << 17 | 1ULL << 18 | 1ULL << 19 | 1ULL << 20 | 1ULL << 21 | 1ULL << 22 | 1ULL << 23 | 1ULL << 28)

/* The next row for a process of this server, with what is true of every sender. */
static __always_inline struct end_row *new_end(__u32 pid, int signal, __u64 *number)
{
	__u32 at = 0;
	struct end_row *head = bpf_map_lookup_elem(&ends, &at);
	if (!head)
		return 0;
	*number = __sync_fetch_and_add(&head->number, 1) + 1;
	at = 1 + *number % (ENDS - 1);
	struct end_row *row = bpf_map_lookup_elem(&ends, &at);
	if (!row)
		return 0;
	struct task_struct *task = (void *)bpf_get_current_task();
	struct task_struct___signals *leader = (void *)BPF_CORE_READ(task, group_leader);
	row->number = 0;
	row->pid = pid;
	row->signal = signal;
	row->sender = pid_of(task);
	row->own = find_pid(row->sender);
	row->uid = (__u32)bpf_get_current_uid_gid();
	row->at_ns = bpf_ktime_get_ns();
	row->oom = 0;
	row->kernel = 0;
	row->code = 0;
	row->address = 0;
	bpf_core_read(row->command, sizeof(row->command), &leader->comm);
	return row;
}

SEC("tp_btf/signal_generate")
int BPF_PROG(signals_sent, int signal, struct kernel_siginfo___signals *info, struct task_struct *task, int group,
	     int result)
{
	if (signal <= 0 || signal > 64 || (signal < 32 && HARMLESS >> signal & 1))
		return 0;
	if (result != SIGNAL_DELIVERED && result != SIGNAL_LOSE_INFO)
		return 0;
	__u32 pid = pid_of(task);
	if (!find_pid(pid))
		return 0;
	__u64 number = 0;
	struct end_row *row = new_end(pid, signal, &number);
	if (!row)
		return 0;
	__u64 from = (__u64)info;
	if (from == SENT_BY_KERNEL) {
		row->kernel = 1;
	} else if (from != SENT_BY_CALLER) {
		int code = BPF_CORE_READ(info, si_code);
		row->code = (__s64)code;
		if (code > 0) {
			row->kernel = 1;
			row->address = (__u64)BPF_CORE_READ(info, _sifields._sigfault._addr);
		} else if (code == SI_USER || code == SI_TKILL) {
			/* As the receiver's user namespace names it. */
			row->uid = BPF_CORE_READ(info, _sifields._kill._uid);
		}
	}
	row->number = number;
	return 0;
}

/* The system, or a control group, was out of memory and chose a process. */
SEC("tp_btf/mark_victim")
int signals_oom(__u64 *ctx)
{
	__u32 pid = victim_of(ctx);
	if (!find_pid(pid))
		return 0;
	__u64 number = 0;
	struct end_row *row = new_end(pid, 9, &number);
	if (!row)
		return 0;
	row->kernel = 1;
	row->oom = 1;
	row->number = number;
	return 0;
}
