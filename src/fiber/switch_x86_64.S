/* SPDX-License-Identifier: MIT */
/*
 * switch_x86_64.S - the switch for x86-64, System V ABI.
 *
 * A suspended context's stack, from its sp upwards:
 *	0	mxcsr (4 bytes), x87 control word (2 bytes)
 *	8	r15, r14, r13, r12, rbx, rbp
 *	56	where to go on
 * Old and new stack have the same shape at the moment of the exchange, so the
 * CFI below is true at every instruction, also when a profiler's signal hits.
 *
 * The x87 control word is loaded only when it differs: it hardly ever does, and
 * loading it is slow. mxcsr is always loaded: to compare it takes longer (Zen 4:
 * 6.6 ns for a switch against 5.0; 2.3 without reading it, perf/run switch). Reading it
 * waits for vector instructions before it. All switches come from one call, so that the
 * processor predicts the return.
 *
 * No SHSTK property is claimed: this code does not switch shadow stacks, and an
 * object without the property makes the loader leave them off.
 */
	.text

	.globl	crew__switch_stacks
	.hidden	crew__switch_stacks
	.type	crew__switch_stacks, @function
	.p2align 4
crew__switch_stacks:
	.cfi_startproc
	endbr64
	pushq	%rbp
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %rbp, 0
	pushq	%rbx
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %rbx, 0
	pushq	%r12
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %r12, 0
	pushq	%r13
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %r13, 0
	pushq	%r14
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %r14, 0
	pushq	%r15
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %r15, 0
	subq	$8, %rsp
	.cfi_adjust_cfa_offset 8
	stmxcsr	(%rsp)
	fnstcw	4(%rsp)
	movzwl	4(%rsp), %edx
	movq	%rsp, (%rdi)
	movq	%rsi, %rsp
	ldmxcsr	(%rsp)
	cmpw	4(%rsp), %dx
	jne	2f
1:	addq	$8, %rsp
	.cfi_adjust_cfa_offset -8
	popq	%r15
	.cfi_adjust_cfa_offset -8
	.cfi_restore %r15
	popq	%r14
	.cfi_adjust_cfa_offset -8
	.cfi_restore %r14
	popq	%r13
	.cfi_adjust_cfa_offset -8
	.cfi_restore %r13
	popq	%r12
	.cfi_adjust_cfa_offset -8
	.cfi_restore %r12
	popq	%rbx
	.cfi_adjust_cfa_offset -8
	.cfi_restore %rbx
	popq	%rbp
	.cfi_adjust_cfa_offset -8
	.cfi_restore %rbp
	ret
	.cfi_adjust_cfa_offset 56
	.cfi_rel_offset %rbp, 48
	.cfi_rel_offset %rbx, 40
	.cfi_rel_offset %r12, 32
	.cfi_rel_offset %r13, 24
	.cfi_rel_offset %r14, 16
	.cfi_rel_offset %r15, 8
2:	fldcw	4(%rsp)
	jmp	1b
	.cfi_endproc
	.size	crew__switch_stacks, . - crew__switch_stacks

/*
 * The first frame of every context. It has no caller: the return address is
 * undefined for unwinders, and rbp is 0 for those that follow frame pointers.
 * r12 is the entry, r13 its argument (crew__switch_prepare put them there).
 */
	.globl	crew__switch_start
	.hidden	crew__switch_start
	.type	crew__switch_start, @function
	.p2align 4
crew__switch_start:
	.cfi_startproc
	.cfi_undefined %rip
	endbr64
	movq	%r13, %rdi
	call	*%r12
	ud2
	.cfi_endproc
	.size	crew__switch_start, . - crew__switch_start

/* int crew__call_task(int (*fn)(void *), void *arg): see fiber.h. */
	.globl	crew__call_task
	.hidden	crew__call_task
	.type	crew__call_task, @function
	.p2align 4
crew__call_task:
	.cfi_startproc
	.cfi_personality 0x9b, crew__escape_pointer
	endbr64
	pushq	%rbp
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %rbp, 0
	movq	%rsp, %rbp
	.cfi_def_cfa_register %rbp
	movq	%rdi, %rax
	movq	%rsi, %rdi
	call	*%rax
	popq	%rbp
	.cfi_def_cfa %rsp, 8
	ret
	.cfi_endproc
	.size	crew__call_task, . - crew__call_task

	.section .note.GNU-stack, "", @progbits
