/* Made by `make ebpf` from the rows of the metrics crate: not to be edited. */
#pragma once

#define STEP_CELLS 110
#define STEP_WORDS 112
#define WAITS 6
#define SYSCALL_CLASSES 8
#define DURING 2
#define STAMPS 65536
#define TIDS 8192
#define TID_TRIES 4
#define PIDS 8192
#define PID_TRIES 4
#define NO_WORKER 16777216
#define ENDS 512
#define CALLS 8192
#define LISTENERS 64
#define PORTS 8192
#define PORTS_EACH 8

#define WAIT_RUN_QUEUE 0
#define WAIT_DISK 1
#define WAIT_NETWORK 2
#define WAIT_LOCK 3
#define WAIT_MEMORY 4
#define WAIT_SYSTEM_CALL 5

#define CALL_READ 0
#define CALL_WRITE 1
#define CALL_POLL 2
#define CALL_FUTEX 3
#define CALL_FILE 4
#define CALL_FSYNC 5
#define CALL_NETWORK 6
#define CALL_OTHER 7

struct worker_row {
	__u64 run_queue[224];
	__u64 off_cpu[224];
	__u64 voluntary[2];
	__u64 involuntary[2];
	__u64 migrations;
	__u64 waited_ns[6];
	__u64 syscalls[896];
	__u64 syscall_errors[8];
	__u64 minor_faults[2];
	__u64 major_faults[2];
	__u64 block_io[224];
	__u64 block_bytes[2];
	__u64 block_errors;
	__u64 oom;
	__u64 unused[5];
};
_Static_assert(sizeof(struct worker_row) == 12800, "worker_row");

struct socket_row {
	__u64 name[18];
	__u64 established;
	__u64 depth[16];
	__u64 depth_sum;
	__u64 full;
	__u64 synack_retransmits;
	__u64 lost;
	__u64 closed;
	__u64 retransmits;
	__u64 resets_sent;
	__u64 resets_received;
	__u64 receive_queue_full;
	__u64 zero_windows[2];
	__u64 bytes[2];
	__u64 live_bytes[2];
	__u64 live;
	__u64 live_stalled;
	__u64 rtt[112];
	__u64 window_limited_ns;
	__u64 buffer_limited_ns;
	__u64 all_bytes[2];
	__u64 all_limited_ns[2];
	__u64 live_rtt_ns;
	__u64 live_shut;
	__u64 unused[4];
};
_Static_assert(sizeof(struct socket_row) == 1408, "socket_row");

struct thread_row {
	__u64 request;
	__u64 base[6];
	__u64 own[9];
	__u64 tid;
	__u64 out_ns;
	__u64 ready_ns;
	__u64 why;
	__u64 cpu;
	__u64 faults[2];
	__u64 waits[6];
	__u64 during;
	__u64 rest[2];
	__u64 call;
	__u64 call_ns;
	__u64 slowest_of;
	__u64 slowest;
	__u64 slowest_ns;
	__u64 ended;
	__u64 unused[10];
};
_Static_assert(sizeof(struct thread_row) == 384, "thread_row");

struct listener_row {
	__u64 sock;
	__u64 port;
	__u64 socket;
	__u64 address[2];
	__u64 family;
	__u64 net;
	__u64 unused[9];
};
_Static_assert(sizeof(struct listener_row) == 128, "listener_row");

struct end_row {
	__u64 number;
	__u64 pid;
	__u64 signal;
	__u64 sender;
	__u64 uid;
	__u64 oom;
	__u64 at_ns;
	__u64 command[2];
	__u64 kernel;
	__u64 code;
	__u64 address;
	__u64 own;
	__u64 unused[3];
};
_Static_assert(sizeof(struct end_row) == 128, "end_row");
