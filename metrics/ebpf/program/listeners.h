/* The listening sockets of this server, and which of them a connection came through.
 *
 * Most events of a machine are of somebody else: a bit for each port says so before anything else
 * is looked at. What is left is compared by address and network namespace, for a container may
 * listen on the same port. */
#pragma once

struct bpf_raw_tracepoint_args {
	__u64 args[0];
};

static __always_inline bool port_of_ours(__u16 port)
{
	__u32 at = port / PORTS_EACH;
	__u64 *bits = bpf_map_lookup_elem(&ports, &at);
	return bits && *bits >> (port % PORTS_EACH) & 1;
}

/* The listening socket of a connection that has this local port; rows in use come first. */
static __always_inline struct listener_row *listener_of(const struct sock *sk, __u16 port)
{
	if (!port_of_ours(port))
		return 0;
	__u64 address[2] = {}, net = 0;
	__u16 family = sk->__sk_common.skc_family;
	if (family == AF_INET) {
		address[0] = sk->__sk_common.skc_rcv_saddr;
	} else if (bpf_core_field_exists(sk->__sk_common.skc_v6_rcv_saddr)) {
		address[0] = sk->__sk_common.skc_v6_rcv_saddr.in6_u.u6_addr32[0] |
			     (__u64)sk->__sk_common.skc_v6_rcv_saddr.in6_u.u6_addr32[1] << 32;
		address[1] = sk->__sk_common.skc_v6_rcv_saddr.in6_u.u6_addr32[2] |
			     (__u64)sk->__sk_common.skc_v6_rcv_saddr.in6_u.u6_addr32[3] << 32;
	}
	if (bpf_core_field_exists(sk->__sk_common.skc_net.net))
		net = (__u64)sk->__sk_common.skc_net.net;
	for (__u32 i = 0; i < LISTENERS; i++) {
		__u32 at = i;
		struct listener_row *row = bpf_map_lookup_elem(&listeners, &at);
		if (!row || !row->port)
			return 0;
		if (row->port != port || row->family != family || (row->net && row->net != net))
			continue;
		if (!(row->address[0] | row->address[1]) ||
		    (row->address[0] == address[0] && row->address[1] == address[1]))
			return row;
	}
	return 0;
}

/* Not attached: run by the server to write down where its listening socket `fd` is: in a
 * program of its own, since a descriptor says what an address does not. */
SEC("raw_tp")
int listener_register(struct bpf_raw_tracepoint_args *args)
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
	struct net *net = 0;
	if (bpf_core_field_exists(sk->__sk_common.skc_net.net))
		bpf_core_read(&net, sizeof(net), &sk->__sk_common.skc_net.net);
	row->net = (__u64)net;
	row->sock = (__u64)sk;
	return 0;
}
