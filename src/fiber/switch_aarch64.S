/* SPDX-License-Identifier: MIT */
/*
 * switch_aarch64.S - the switch for aarch64, AAPCS64.
 *
 * A suspended context's stack, from its sp upwards (176 bytes):
 *	0	x29, x30	16	x19, x20	32	x21, x22
 *	48	x23, x24	64	x25, x26	80	x27, x28
 *	96	d8 ... d15	160	fpcr
 * Old and new stack have the same shape at the moment of the exchange, so the
 * CFI is true at every instruction. fpcr is written only when it differs.
 */
	.text

	.globl	crew__switch_stacks
	.hidden	crew__switch_stacks
	.type	crew__switch_stacks, %function
	.p2align 4
crew__switch_stacks:
	.cfi_startproc
	hint	#34
	stp	x29, x30, [sp, #-176]!
	.cfi_adjust_cfa_offset 176
	.cfi_rel_offset x29, 0
	.cfi_rel_offset x30, 8
	stp	x19, x20, [sp, #16]
	.cfi_rel_offset x19, 16
	.cfi_rel_offset x20, 24
	stp	x21, x22, [sp, #32]
	.cfi_rel_offset x21, 32
	.cfi_rel_offset x22, 40
	stp	x23, x24, [sp, #48]
	.cfi_rel_offset x23, 48
	.cfi_rel_offset x24, 56
	stp	x25, x26, [sp, #64]
	.cfi_rel_offset x25, 64
	.cfi_rel_offset x26, 72
	stp	x27, x28, [sp, #80]
	.cfi_rel_offset x27, 80
	.cfi_rel_offset x28, 88
	stp	d8, d9, [sp, #96]
	stp	d10, d11, [sp, #112]
	stp	d12, d13, [sp, #128]
	stp	d14, d15, [sp, #144]
	mrs	x9, fpcr
	str	x9, [sp, #160]
	mov	x10, sp
	str	x10, [x0]
	mov	sp, x1
	ldr	x11, [sp, #160]
	cmp	x9, x11
	b.eq	1f
	msr	fpcr, x11
1:	ldp	d14, d15, [sp, #144]
	ldp	d12, d13, [sp, #128]
	ldp	d10, d11, [sp, #112]
	ldp	d8, d9, [sp, #96]
	ldp	x27, x28, [sp, #80]
	ldp	x25, x26, [sp, #64]
	ldp	x23, x24, [sp, #48]
	ldp	x21, x22, [sp, #32]
	ldp	x19, x20, [sp, #16]
	ldp	x29, x30, [sp], #176
	.cfi_adjust_cfa_offset -176
	.cfi_restore x19
	.cfi_restore x20
	.cfi_restore x21
	.cfi_restore x22
	.cfi_restore x23
	.cfi_restore x24
	.cfi_restore x25
	.cfi_restore x26
	.cfi_restore x27
	.cfi_restore x28
	.cfi_restore x29
	.cfi_restore x30
	ret
	.cfi_endproc
	.size	crew__switch_stacks, . - crew__switch_stacks

/* The first frame: no caller, frame pointer 0; x19 is the entry, x20 its argument. */
	.globl	crew__switch_start
	.hidden	crew__switch_start
	.type	crew__switch_start, %function
	.p2align 4
crew__switch_start:
	.cfi_startproc
	.cfi_undefined x30
	hint	#36
	mov	x0, x20
	blr	x19
	brk	#1
	.cfi_endproc
	.size	crew__switch_start, . - crew__switch_start

/* int crew__call_task(int (*fn)(void *), void *arg): see fiber.h. */
	.globl	crew__call_task
	.hidden	crew__call_task
	.type	crew__call_task, %function
	.p2align 4
crew__call_task:
	.cfi_startproc
	.cfi_personality 0x9b, crew__escape_pointer
	hint	#34
	stp	x29, x30, [sp, #-16]!
	.cfi_adjust_cfa_offset 16
	.cfi_rel_offset x29, 0
	.cfi_rel_offset x30, 8
	mov	x29, sp
	mov	x9, x0
	mov	x0, x1
	blr	x9
	ldp	x29, x30, [sp], #16
	.cfi_adjust_cfa_offset -16
	.cfi_restore x29
	.cfi_restore x30
	ret
	.cfi_endproc
	.size	crew__call_task, . - crew__call_task

	.section .note.GNU-stack, "", %progbits
