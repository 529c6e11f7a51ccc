/* All programs, one of them as no verifier takes it: it multiplies a pointer. */
#define accept_synack_again accept_synack_once
#include "probes.bpf.c"
#undef accept_synack_again

SEC("tp_btf/tcp_retransmit_synack")
int accept_synack_again(__u64 *args)
{
	return *(int *)(args[0] * 3);
}
