/* Accept queue. See mod.rs for what is counted and what it costs. */

/* The listening socket that a new connection came through: by port and address. */
static __always_inline struct listener_row *listener_of(const struct sock *sk)
{
	__u16 port = sk->__sk_common.skc_num;
	__u16 family = sk->__sk_common.skc_family;
	__u64 address[2] = {};
	if (family == AF_INET) {
		address[0] = sk->__sk_common.skc_rcv_saddr;
	} else {
		address[0] = sk->__sk_common.skc_v6_rcv_saddr.in6_u.u6_addr32[0] |
			     (__u64)sk->__sk_common.skc_v6_rcv_saddr.in6_u.u6_addr32[1] << 32;
		address[1] = sk->__sk_common.skc_v6_rcv_saddr.in6_u.u6_addr32[2] |
			     (__u64)sk->__sk_common.skc_v6_rcv_saddr.in6_u.u6_addr32[3] << 32;
	}
	for (__u32 i = 0; i < LISTENERS; i++) {
		__u32 at = i;
		struct listener_row *row = bpf_map_lookup_elem(&listeners, &at);
		if (!row || !row->port)
			return 0;
		if (row->port != port)
			continue;
		if (!(row->address[0] | row->address[1]) ||
		    (row->address[0] == address[0] && row->address[1] == address[1]))
			return row;
	}
	return 0;
}

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
	struct listener_row *listener = listener_of(sk);
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

/* Not attached: run by the server to write down where its listening socket `fd` is. */
SEC("raw_tp")
int accept_register(struct bpf_raw_tracepoint_args *args)
{
	__u32 fd = args->args[0], at = args->args[1];
	struct listener_row *row = bpf_map_lookup_elem(&listeners, &at);
	if (!row)
		return 1;
	struct task_struct *task = (void *)bpf_get_current_task();
	struct file **table = BPF_CORE_READ(task, files, fdt, fd);
	struct file *file = 0;
	struct socket *socket = 0;
	struct sock *sk = 0;
	bpf_probe_read_kernel(&file, sizeof(file), table + fd);
	bpf_core_read(&socket, sizeof(socket), &file->private_data);
	bpf_core_read(&sk, sizeof(sk), &socket->sk);
	unsigned char state = 0;
	bpf_core_read(&state, sizeof(state), &sk->__sk_common.skc_state);
	if (state != TCP_LISTEN)
		return 2;
	row->sock = (__u64)sk;
	return 0;
}
