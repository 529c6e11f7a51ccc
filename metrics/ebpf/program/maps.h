/* What all programs share. Sizes that depend on the configuration are set when the maps are made. */
#pragma once

#define mapped_array(map, row, rows)                  \
	struct {                                          \
		__uint(type, BPF_MAP_TYPE_ARRAY);             \
		__uint(map_flags, BPF_F_MMAPABLE);            \
		__uint(max_entries, rows);                    \
		__type(key, __u32);                           \
		__type(value, row);                           \
	} map SEC(".maps")

/* By worker, from 1. */
mapped_array(workers, struct worker_row, 2);
/* Listening TCP sockets. */
mapped_array(sockets, struct socket_row, 1);
mapped_array(listeners, struct listener_row, LISTENERS);
/* One bit for each port that they listen on. */
mapped_array(ports, __u64, PORTS);
/* (worker - 1) * cores + core. */
mapped_array(threads, struct thread_row, 1);
/* Thread ids of cores: tid << 32 | row of `threads` + 1, at tid % TIDS or shortly after. */
mapped_array(tids, __u64, TIDS);
/* Processes of this server: pid << 32 | number, at pid % PIDS or shortly after. The number of a
 * worker is its own, others begin at NO_WORKER. */
mapped_array(pids, __u64, PIDS);
/* When connections were completed: cookie and nanoseconds, by cookie % STAMPS. */
struct stamp {
	__u64 cookie;
	__u64 ns;
};
mapped_array(stamps, struct stamp, STAMPS);
/* Signals that can end a process of this server, in turn. */
mapped_array(ends, struct end_row, ENDS);
/* Class of each system call by its number, raised by one; 0 is not counted. */
mapped_array(calls, __u64, CALLS);

/* Set before the programs are loaded. */
const volatile __u32 cores = 1;     /* of each worker */
const volatile __u32 pid_level = 0; /* depth of the server's pid namespace */
const volatile __u32 pid_ns = 0;    /* its inode */
const volatile __u32 faults = 0;    /* 1 when page faults are to be counted */

static __always_inline struct worker_row *worker_at(__u32 id)
{
	return bpf_map_lookup_elem(&workers, &id);
}

static __always_inline struct socket_row *socket_at(__u32 index)
{
	return bpf_map_lookup_elem(&sockets, &index);
}
