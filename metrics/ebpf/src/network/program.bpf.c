/* Network. See mod.rs for what is counted and what it costs. */

struct inet_sock___network {
	__be16 inet_sport;
} __attribute__((preserve_access_index));

struct tcp_sock___network {
	__u64 bytes_received;
	__u64 bytes_acked;
	__u64 bytes_sent;
	__u64 bytes_retrans;
	__u32 srtt_us;
	__u32 rcv_wnd;
	__u32 rcv_wup;
	__u32 chrono_start;
	__u32 chrono_stat[3];
	__u8 chrono_type : 2;
} __attribute__((preserve_access_index));

struct sock_common___network {
	unsigned long skc_flags;
} __attribute__((preserve_access_index));

struct sk_buff;
struct sk_buff___network {
	char cb[48];
} __attribute__((preserve_access_index));

struct tcp_skb_cb___network {
	__u16 tcp_gso_segs;
} __attribute__((preserve_access_index));

enum skb_drop_reason___network {
	SKB_DROP_REASON_SOCKET_RCVBUFF___network,
	SKB_DROP_REASON_PROTO_MEM___network,
	SKB_DROP_REASON_SOCKET_BACKLOG___network,
	SKB_DROP_REASON_TCP_ZEROWINDOW___network,
	SKB_DROP_REASON_TCP_OVERWINDOW___network,
	SKB_DROP_REASON_TCP_INVALID_SEQUENCE___network,
	SKB_DROP_REASON_TCP_INVALID_END_SEQUENCE___network,
	SKB_DROP_REASON_TCP_OLD_SEQUENCE___network,
	SKB_DROP_REASON_TCP_OFO_QUEUE_PRUNE___network,
	SKB_DROP_REASON_TCP_OFO_DROP___network,
};

/* include/net/sock.h, include/net/tcp.h */
#define SOCK_DONE 1 /* bit of skc_flags: the other side has ended its stream */
#define CHRONO_RWND 2
#define CHRONO_SNDBUF 3

/* Nanoseconds of one jiffy; set before the programs are loaded. */
const volatile __u32 tick_ns = 4000000;

/* Closed windows of ours that were counted: cookie, and where the stream stood. */
#define CLOSED 4096
struct closed {
	__u64 cookie;
	__u64 at;
};
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, CLOSED);
	__type(key, __u32);
	__type(value, struct closed);
} closed_windows SEC(".maps");

/* The row of the listening socket that a connection came through. */
static __always_inline struct socket_row *socket_of(const struct sock *sk)
{
	__u16 port = sk->__sk_common.skc_num;
	/* A connection that is closed has given its port back, but knows it. */
	if (!port && sk->__sk_common.skc_state == TCP_CLOSE) {
		bpf_core_read(&port, sizeof(port), &((struct inet_sock___network *)sk)->inet_sport);
		port = __builtin_bswap16(port);
	}
	struct listener_row *listener = listener_of(sk, port);
	return listener ? socket_at(listener->socket) : 0;
}

SEC("tp_btf/tcp_retransmit_skb")
int BPF_PROG(network_retransmit, const struct sock *sk, const struct sk_buff *skb)
{
	struct socket_row *row = socket_of(sk);
	if (!row)
		return 0;
	struct tcp_skb_cb___network *cb = (void *)((struct sk_buff___network *)skb)->cb;
	__u16 segments = 0;
	if (bpf_core_field_exists(cb->tcp_gso_segs))
		bpf_core_read(&segments, sizeof(segments), &cb->tcp_gso_segs);
	add(row->retransmits, segments ? segments : 1);
	return 0;
}

/* Without a socket nobody listens on that port: it is none of ours. */
SEC("tp_btf/tcp_send_reset")
int BPF_PROG(network_reset_sent, const struct sock *sk)
{
	if (!sk)
		return 0;
	struct socket_row *row = socket_of(sk);
	if (row)
		add(row->resets_sent, 1);
	return 0;
}

SEC("tp_btf/tcp_receive_reset")
int BPF_PROG(network_reset_received, struct sock *sk)
{
	struct socket_row *row = socket_of(sk);
	if (row)
		add(row->resets_received, 1);
	return 0;
}

#define reason_is(reason, name)                                                            \
	(bpf_core_enum_value_exists(enum skb_drop_reason___network, name##___network) &&       \
	 (reason) == (int)bpf_core_enum_value(enum skb_drop_reason___network, name##___network))

/* A window of ours is counted once, however often the other side asks whether it is open again. */
static __always_inline bool counted(const struct sock *sk, __u32 stream_at)
{
	__u64 cookie = bpf_get_socket_cookie((void *)sk);
	__u32 index = cookie % CLOSED;
	struct closed *closed = bpf_map_lookup_elem(&closed_windows, &index);
	if (!closed || (closed->cookie == cookie && closed->at == stream_at))
		return 1;
	closed->cookie = cookie;
	closed->at = stream_at;
	return 0;
}

SEC("tp_btf/kfree_skb")
int BPF_PROG(network_dropped, struct sk_buff *skb, void *location, int reason, struct sock *sk)
{
	bool shut = reason_is(reason, SKB_DROP_REASON_TCP_ZEROWINDOW);
	bool asked = reason_is(reason, SKB_DROP_REASON_TCP_OLD_SEQUENCE);
	bool full = shut || reason_is(reason, SKB_DROP_REASON_SOCKET_RCVBUFF) ||
		    reason_is(reason, SKB_DROP_REASON_PROTO_MEM) ||
		    reason_is(reason, SKB_DROP_REASON_TCP_OVERWINDOW) ||
		    reason_is(reason, SKB_DROP_REASON_TCP_INVALID_SEQUENCE) ||
		    reason_is(reason, SKB_DROP_REASON_TCP_INVALID_END_SEQUENCE) ||
		    reason_is(reason, SKB_DROP_REASON_SOCKET_BACKLOG) ||
		    reason_is(reason, SKB_DROP_REASON_TCP_OFO_QUEUE_PRUNE) ||
		    reason_is(reason, SKB_DROP_REASON_TCP_OFO_DROP);
	if (!sk || !(full || asked))
		return 0;
	struct socket_row *row = socket_of(sk);
	struct tcp_sock___network *tcp = row ? (void *)bpf_skc_to_tcp_sock(sk) : 0;
	if (!tcp)
		return 0;
	if (full)
		add(row->receive_queue_full, 1);
	if ((shut || asked) && !tcp->rcv_wnd && !counted(sk, tcp->rcv_wup))
		add(row->zero_windows[1], 1);
	return 0;
}

SEC("tp_btf/tcp_destroy_sock")
int BPF_PROG(network_closed, struct sock *sk)
{
	if (!sk->__sk_common.skc_dport) /* it listened, or was never connected */
		return 0;
	struct socket_row *row = socket_of(sk);
	if (!row)
		return 0;
	struct tcp_sock___network *tcp = (void *)bpf_skc_to_tcp_sock(sk);
	if (!tcp)
		return 0;
	/* The kernel counts the end of each stream as one byte. */
	__u64 received = tcp->bytes_received, sent = tcp->bytes_acked;
	if (received && ((struct sock_common___network *)sk)->skc_flags >> SOCK_DONE & 1)
		received--;
	if (bpf_core_field_exists(tcp->bytes_retrans)) {
		__u64 once = tcp->bytes_sent - tcp->bytes_retrans;
		if (once < sent)
			sent = once;
	}
	add(row->closed, 1);
	if (received)
		add(row->bytes[0], received);
	if (sent)
		add(row->bytes[1], sent);
	if (tcp->srtt_us)
		record(row->rtt, (__u64)(tcp->srtt_us >> 3) * 1000);
	__u64 window = tcp->chrono_stat[CHRONO_RWND - 1];
	__u64 buffer = tcp->chrono_stat[CHRONO_SNDBUF - 1];
	__u32 now = BPF_CORE_READ_BITFIELD(tcp, chrono_type);
	if (now == CHRONO_RWND)
		window += (__u32)bpf_jiffies64() - tcp->chrono_start;
	if (now == CHRONO_SNDBUF)
		buffer += (__u32)bpf_jiffies64() - tcp->chrono_start;
	if (window)
		add(row->window_limited_ns, window * tick_ns);
	if (buffer)
		add(row->buffer_limited_ns, buffer * tick_ns);
	return 0;
}
