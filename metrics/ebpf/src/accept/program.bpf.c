/* Accept queue. See mod.rs for what is counted and what it costs. */

/* 1, 2, 3 to 4, 5 to 8 ... */
static __always_inline __u32 depth_cell(__u32 depth)
{
	__u32 cell = 0;
	for (__u32 bound = 1; cell < 15 && depth > bound; bound *= 2)
		cell++;
	return cell;
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(accept_established, const struct sock *sk, int before, int now)
{
	if (before != TCP_SYN_RECV || now != TCP_ESTABLISHED)
		return 0;
	struct listener_row *listener = listener_of(sk, sk->__sk_common.skc_num);
	if (!listener)
		return 0;
	struct socket_row *row = socket_at(listener->socket);
	if (!row)
		return 0;
	__u64 cookie = bpf_get_socket_cookie((void *)sk);
	__u32 at = cookie % STAMPS;
	struct stamp *stamp = bpf_map_lookup_elem(&stamps, &at);
	if (stamp) {
		if (stamp->cookie)
			add(row->lost, 1);
		stamp->ns = bpf_ktime_get_ns();
		stamp->cookie = cookie;
	}
	struct sock *parent = (struct sock *)listener->sock;
	__u32 depth = 0, room = 0;
	bpf_core_read(&depth, sizeof(depth), &parent->sk_ack_backlog);
	bpf_core_read(&room, sizeof(room), &parent->sk_max_ack_backlog);
	add(row->established, 1);
	if (!parent)
		return 0;
	add(row->depth_sum, depth);
	__u32 cell = depth_cell(depth);
	if (cell < 16)
		add(row->depth[cell], 1);
	if (depth > room)
		add(row->full, 1);
	return 0;
}

SEC("tp_btf/tcp_retransmit_synack")
int BPF_PROG(accept_synack_again, const struct sock *sk)
{
	if (!port_of_ours(sk->__sk_common.skc_num))
		return 0;
	for (__u32 i = 0; i < LISTENERS; i++) {
		__u32 at = i;
		struct listener_row *listener = bpf_map_lookup_elem(&listeners, &at);
		if (!listener || !listener->port)
			return 0;
		if (listener->sock == (__u64)sk) {
			struct socket_row *row = socket_at(listener->socket);
			if (row)
				add(row->synack_retransmits, 1);
			return 0;
		}
	}
	return 0;
}
