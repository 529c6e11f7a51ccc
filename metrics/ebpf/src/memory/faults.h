/* Page faults of a core's thread, by what the kernel itself has counted of the task. */
#pragma once

struct task_struct___memory {
	unsigned long min_flt;
	unsigned long maj_flt;
} __attribute__((preserve_access_index));

/* To be called for a task that leaves its processor. What came since the last look is of requests
 * when one ran at either time or in between. A second look finds nothing: it does not matter how many
 * programs count. */
static __always_inline void count_faults(struct task_struct *task, struct thread_row *thread,
					 struct worker_row *worker)
{
	const struct task_struct___memory *own = (void *)task;
	__u64 minor = own->min_flt + 1, major = own->maj_flt + 1;
	__u64 running = thread->request != 0;
	__u64 ended = thread->own[0] - running;
	__u64 during = running || ended != thread->ended;
	__u64 seen_minor = thread->faults[0], seen_major = thread->faults[1];
	thread->ended = ended;
	if (minor == seen_minor && major == seen_major)
		return;
	thread->faults[0] = minor;
	thread->faults[1] = major;
	if (!seen_minor)
		return;
	if (minor != seen_minor)
		add(worker->minor_faults[during & 1], minor - seen_minor);
	if (major != seen_major)
		add(worker->major_faults[during & 1], major - seen_major);
}
