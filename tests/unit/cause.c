// SPDX-License-Identifier: GPL-2.0-only
/*
 * From stacks to causes: stacks as the kernels of the lab have them, innermost frame first, and how
 * rows of one task become a group.
 */
#include "user/judge/cause.h"

#include "unit.h"

enum { FRAMES = 20 };

/* what every stack of a window begins with */
#define START "bpf_prog_1f_win_end", "bpf_trampoline_6442", "kvm_mmu_notifier_invalidate_range_start", \
	      "__mmu_notifier_invalidate_range_start"
#define SYSCALL "do_syscall_64", "entry_SYSCALL_64_after_hwframe"
#define KTHREAD "kthread", "ret_from_fork", "ret_from_fork_asm"

struct stack {
	const char *cause;
	const char *frames[FRAMES];
};

static const struct stack stacks[] = {
	{ "reclaim", { START, "try_to_unmap_one", "rmap_walk_anon", "try_to_unmap", "shrink_folio_list",
		       "shrink_inactive_list", "shrink_lruvec", "shrink_node", "balance_pgdat", "kswapd",
		       KTHREAD } },
	/* with the multi-generational LRU */
	{ "reclaim", { START, "try_to_unmap_one", "rmap_walk_file", "try_to_unmap", "shrink_folio_list",
		       "evict_folios", "try_to_shrink_lruvec", "shrink_one", "shrink_many", "shrink_node",
		       "do_try_to_free_pages", "try_to_free_mem_cgroup_pages", "memory_reclaim" } },
	/* an allocation for a copy on write that has to reclaim first */
	{ "reclaim", { START, "try_to_unmap_one", "try_to_unmap", "shrink_folio_list", "shrink_lruvec",
		       "shrink_node", "try_to_free_pages", "__alloc_pages", "do_wp_page", "handle_mm_fault",
		       "exc_page_fault" } },
	/* reclaim that demotes, and that splits */
	{ "reclaim", { START, "try_to_migrate_one", "try_to_migrate", "migrate_pages", "demote_folio_list",
		       "shrink_folio_list", "shrink_lruvec", "shrink_node", "kswapd", KTHREAD } },
	{ "reclaim", { START, "__split_huge_pmd", "split_huge_page_to_list_to_order", "deferred_split_scan",
		       "shrink_slab", "shrink_node", "kswapd", KTHREAD } },
	{ "compaction", { START, "try_to_migrate_one", "rmap_walk_anon", "try_to_migrate",
			  "migrate_pages_batch", "migrate_pages", "compact_zone", "compact_node",
			  "sysctl_compaction_handler", "proc_sys_call_handler", "vfs_write" } },
	{ "compaction", { START, "try_to_migrate_one", "try_to_migrate", "migrate_pages", "compact_zone",
			  "compact_zone_order", "try_to_compact_pages", "__alloc_pages_direct_compact",
			  "alloc_charge_folio", "collapse_huge_page", "khugepaged", KTHREAD } },
	{ "NUMA balancing", { START, "change_protection", "change_prot_numa", "task_numa_work",
			      "task_work_run", "xfer_to_guest_mode_handle_work", "kvm_arch_vcpu_ioctl_run" } },
	{ "NUMA balancing", { START, "try_to_migrate_one", "try_to_migrate", "migrate_pages_batch",
			      "migrate_pages", "migrate_misplaced_folio", "handle_pte_fault",
			      "get_user_pages_unlocked", "hva_to_pfn", "kvm_mmu_page_fault" } },
	{ "NUMA balancing", { START, "try_to_migrate", "migrate_pages", "migrate_misplaced_page" } },
	{ "khugepaged", { START, "collapse_huge_page", "hpage_collapse_scan_pmd",
			  "khugepaged_scan_mm_slot.constprop.0", "khugepaged", KTHREAD } },
	{ "khugepaged", { START, "retract_page_tables", "collapse_file", "khugepaged", KTHREAD } },
	{ "KSM", { START, "write_protect_page", "try_to_merge_one_page", "ksm_scan_thread", KTHREAD } },
	{ "KSM", { START, "try_to_merge_one_page", "try_to_merge_with_ksm_page", "ksm_scan_thread", KTHREAD } },
	{ "KSM", { START, "do_wp_page", "handle_mm_fault", "break_ksm", "unmerge_ksm_pages", "ksm_madvise",
		   "do_madvise", "__x64_sys_madvise", SYSCALL } },
	/* 6.1 and 7.x; 6.12, where all of madvise is one function; 6.18 */
	{ "madvise dontneed", { START, "zap_page_range_single", "do_madvise", "__x64_sys_madvise", SYSCALL } },
	{ "madvise dontneed", { START, "zap_page_range_single_batched", "madvise_vma_behavior",
				"madvise_do_behavior", "do_madvise", "__x64_sys_madvise", SYSCALL } },
	{ "madvise dontneed", { START, "zap_vma_range_batched", "madvise_vma_behavior", "do_madvise" } },
	{ "madvise free", { START, "madvise_free_single_vma", "do_madvise", "__x64_sys_madvise", SYSCALL } },
	{ "madvise free", { START, "do_madvise", "__x64_sys_madvise", "x64_sys_call", SYSCALL } },
	{ "madvise free", { START, "do_madvise.part.0", "__x64_sys_madvise", SYSCALL } },
	{ "madvise free", { START, "__split_huge_pmd", "try_to_migrate_one", "rmap_walk_anon",
			    "try_to_migrate", "split_huge_page_to_list_to_order", "madvise_free_huge_pmd",
			    "madvise_free_pte_range", "walk_pgd_range", "do_madvise" } },
	{ "madvise pageout", { START, "try_to_unmap_one", "rmap_walk_anon", "try_to_unmap",
			       "shrink_folio_list", "reclaim_folio_list", "reclaim_pages",
			       "madvise_cold_or_pageout_pte_range", "walk_pgd_range", "walk_page_range",
			       "do_madvise", "__x64_sys_madvise", SYSCALL } },
	{ "madvise cold", { START, "__split_huge_pmd", "split_folio_to_list",
			    "madvise_cold_or_pageout_pte_range", "walk_pgd_range", "do_madvise" } },
	{ "madvise collapse", { START, "collapse_huge_page", "hpage_collapse_scan_pmd", "madvise_collapse",
				"do_madvise", "__x64_sys_madvise", SYSCALL } },
	{ "madvise remove", { START, "zap_page_range_single", "unmap_mapping_range", "shmem_fallocate",
			      "vfs_fallocate", "do_madvise", "__x64_sys_madvise", SYSCALL } },
	{ "madvise populate", { START, "do_wp_page", "handle_mm_fault", "__get_user_pages",
				"faultin_page_range", "do_madvise", "__x64_sys_madvise", SYSCALL } },
	{ "madvise guard", { START, "zap_vma_range", "madvise_guard_install", "madvise_vma_behavior" } },
	{ "madvise", { START, "something_new", "madvise_vma_behavior", "do_madvise" } },
	{ "munmap", { START, "unmap_vmas", "unmap_region", "do_mas_align_munmap", "__vm_munmap",
		      "__x64_sys_munmap", SYSCALL } },
	{ "munmap", { START, "unmap_vmas", "vms_clear_ptes", "vms_complete_munmap_vmas",
		      "do_vmi_align_munmap", "do_vmi_munmap", "__vm_munmap", "__x64_sys_munmap", SYSCALL } },
	/* a mapping put on top of another */
	{ "munmap", { START, "unmap_vmas", "vms_clear_ptes", "__mmap_region", "do_mmap", "vm_mmap_pgoff" } },
	{ "munmap", { START, "__split_huge_pmd", "vma_adjust_trans_huge", "__split_vma",
		      "vms_gather_munmap_vmas", "__mmap_region", "do_mmap", "vm_mmap_pgoff" } },
	{ "mremap", { START, "move_page_tables", "move_vma", "__do_sys_mremap", "__x64_sys_mremap", SYSCALL } },
	{ "mremap", { START, "unmap_vmas", "do_vmi_munmap", "move_vma", "__x64_sys_mremap", SYSCALL } },
	{ "mprotect", { START, "change_protection", "mprotect_fixup", "do_mprotect_pkey",
			"__x64_sys_mprotect", SYSCALL } },
	{ "fork", { START, "copy_page_range", "dup_mmap", "copy_process", "kernel_clone", SYSCALL } },
	{ "copy on write", { START, "do_wp_page", "__handle_mm_fault", "handle_mm_fault",
			     "__get_user_pages", "get_user_pages_unlocked", "hva_to_pfn",
			     "kvm_tdp_page_fault", "kvm_mmu_page_fault", "kvm_arch_vcpu_ioctl_run" } },
	{ "copy on write", { START, "wp_page_copy", "__handle_mm_fault", "exc_page_fault" } },
	{ "writeback", { START, "page_vma_mkclean_one.constprop.0", "page_mkclean_one", "rmap_walk_file",
			 "folio_mkclean", "folio_clear_dirty_for_io", "mpage_prepare_extent_to_map",
			 "ext4_do_writepages", "do_writepages", "filemap_fdatawrite_wbc",
			 "vfs_fsync_range", "__x64_sys_msync", SYSCALL } },
	{ "writeback", { START, "page_mkclean_one", "folio_mkclean", "ext4_writepages", "do_writepages",
			 "__writeback_single_inode", "wb_writeback", "wb_workfn", "worker_thread", KTHREAD } },
	{ "hole punch", { START, "zap_page_range_single", "unmap_mapping_range", "shmem_fallocate",
			  "vfs_fallocate", "__x64_sys_fallocate", SYSCALL } },
	{ "truncate", { START, "zap_page_range_single", "unmap_mapping_range", "truncate_pagecache",
			"ext4_setattr", "notify_change", "do_truncate", "do_ftruncate", SYSCALL } },
	{ "migration", { START, "try_to_migrate_one", "try_to_migrate", "migrate_pages_batch",
			 "migrate_pages", "move_pages_and_store_status", "kernel_move_pages", SYSCALL } },
	{ "migration", { START, "try_to_migrate_one", "migrate_pages", "do_migrate_pages",
			 "cpuset_migrate_mm_workfn", "process_one_work", "worker_thread", KTHREAD } },
	{ "userfaultfd", { START, "change_protection", "uffd_wp_range", "mwriteprotect_range",
			   "userfaultfd_ioctl", "__x64_sys_ioctl", SYSCALL } },
	{ "process exit", { START, "unmap_vmas", "exit_mmap", "__mmput", "do_exit", "do_group_exit" } },
	/* the VM goes with its process */
	{ "process exit", { "kvm_mmu_notifier_release", "__mmu_notifier_release", "exit_mmap", "mmput" } },
	{ "OOM reaper", { START, "__oom_reap_task_mm", "oom_reaper", KTHREAD } },
	{ "memory failure", { START, "try_to_unmap_one", "try_to_unmap", "hwpoison_user_mappings",
			      "memory_failure", "kill_me_maybe" } },
	{ "memslot change", { "handle_changed_spte", "tdp_mmu_zap_leafs", "kvm_tdp_mmu_zap_leafs",
			      "kvm_set_memslot", "__kvm_set_memory_region", "kvm_vm_ioctl" } },
	/* the flag of a memslot that is switched on, and the log that is read */
	{ "dirty logging", { "handle_changed_spte", "tdp_mmu_split_huge_pages_root",
			     "kvm_mmu_slot_try_split_huge_pages", "kvm_arch_commit_memory_region",
			     "kvm_set_memslot", "kvm_vm_ioctl" } },
	{ "dirty logging", { "handle_changed_spte", "clear_dirty_pt_masked", "kvm_clear_dirty_log_protect" } },
	{ "VM teardown", { "handle_changed_spte", "tdp_mmu_zap_root", "kvm_tdp_mmu_zap_all",
			   "kvm_mmu_notifier_release", "mmu_notifier_unregister", "kvm_destroy_vm",
			   "kvm_vm_release", "__fput" } },
	{ "NX recovery", { "handle_changed_spte", "kvm_tdp_mmu_zap_sp",
			   "kvm_nx_huge_page_recovery_worker", "vhost_task_fn", "ret_from_fork" } },
	{ "KVM's own zap", { "handle_changed_spte", "kvm_zap_gfn_range", "kvm_set_or_clear_apicv_inhibit" } },
	{ "guest fault", { "handle_changed_spte", "kvm_tdp_mmu_map", "kvm_tdp_page_fault",
			   "kvm_mmu_page_fault" } },
	{ "huge page split", { START, "__split_huge_pmd", "vma_adjust_trans_huge", "__split_vma" } },
	{ "unknown", { START, "do_exit", SYSCALL } },
	/* not every function that begins like one of ours */
	{ "unknown", { START, "do_madvise_else", "evict_nothing", SYSCALL } },
};

static void every_stack_tells_its_cause(void **arg)
{
	static const char *modules[FRAMES];

	(void)arg;
	for (size_t i = 0; i < FRAMES; i++)
		modules[i] = "";
	modules[0] = modules[1] = "bpf";
	for (size_t i = 0; i < sizeof(stacks) / sizeof(stacks[0]); i++) {
		char text[CAUSE_LEN];
		size_t n = 0;

		while (n < FRAMES && stacks[i].frames[n])
			n++;
		cause_of_names(stacks[i].frames, modules, n, text);
		if (strcmp(text, stacks[i].cause))
			fail_msg("stack %zu (%s): %s instead of %s", i, stacks[i].frames[n - 1], text,
				 stacks[i].cause);
	}
}

static void an_unknown_module_is_named(void **arg)
{
	const char *functions[] = { "bpf_prog_1", "kvm_mmu_notifier_invalidate_range_start", "sabotage", "kthread" };
	const char *modules[] = { "bpf", "kvm", "saboteur", "" };
	char text[CAUSE_LEN];

	(void)arg;
	assert_int_equal(cause_of_names(functions, modules, 4, text), CAUSE_UNKNOWN);
	assert_string_equal(text, "unknown, in module saboteur");
	assert_int_equal(cause_of_names(functions, modules, 2, text), CAUSE_UNKNOWN);
	assert_string_equal(text, "unknown");
	assert_int_equal(cause_of_names(functions, modules, 0, text), CAUSE_UNKNOWN);
	assert_string_equal(text, "unknown");
}

static void every_cause_fits_its_column(void **arg)
{
	(void)arg;
	for (int i = 0; i < CAUSE_NR; i++) {
		assert_true(strlen(cause_name(i)) <= 18);
		for (int k = 0; k < i; k++)
			assert_string_not_equal(cause_name(i), cause_name(k));
	}
	assert_int_equal(cause_fate(CAUSE_RECLAIM), FATE_TAKES);
	assert_int_equal(cause_fate(CAUSE_WRITEBACK), FATE_KEEPS);
	assert_int_equal(cause_fate(CAUSE_UNKNOWN), FATE_UNKNOWN);
}

/* names for the addresses of the rows below */
static struct ksyms *symbols(const struct snapshot *s)
{
	static char text[] =
		"ffffffff81000100 t shrink_lruvec\n"
		"ffffffff81000200 t do_mprotect_pkey\n";
	FILE *f = fmemopen(text, sizeof(text) - 1, "r");
	struct ksyms *k = ksyms_new();

	assert_non_null(f);
	assert_true(causes_want(s, k));
	ksyms_read(k, f);
	fclose(f);
	return k;
}

static void rows_of_a_task_make_a_group(void **arg)
{
	struct cause c[6];
	struct snapshot s = { .causes = c, .ncauses = 6 };
	struct cause_list list;
	struct ksyms *k;

	(void)arg;
	memset(c, 0, sizeof(c));
	for (uint32_t i = 0; i < 6; i++) {
		c[i].key = (struct cause_key){ .tid = 7, .vm = i, .path = 100 + i, .event = 1 };
		c[i].row.pid = 7;
		c[i].row.windows = 1 + i;
		c[i].row.zapped = 10;
		c[i].row.ns = 1000;
		c[i].row.ns_max = 100 + i;
		c[i].row.retries = 1;
		c[i].row.samples = 2;
		c[i].row.differs = i == 1;
		c[i].row.frames = 1;
		c[i].row.stack[0] = 0xffffffff81000110 + i;
		c[i].row.ns_bucket[5] = 1;
		c[i].row.seen[SEEN_ZAP_KVM][BACKING_SHMEM] = 1;
	}
	/* 0, 1 and 2 are one; the others differ in task, cause and place */
	c[3].key.tid = 8;
	c[3].row.zapped = 500;
	c[4].row.stack[0] = 0xffffffff81000210;
	c[5].key.event = NOTIFIER_EVENTS;
	c[5].row.zapped = c[5].row.ns = c[5].row.ns_max = 0;
	c[5].row.seen[SEEN_ZAP_PRIMARY][BACKING_ANON] = 3;
	c[5].row.seen[SEEN_ZAP_YOUNG][BACKING_ANON] = 2;
	c[5].row.seen[SEEN_ZAP_NEWS][BACKING_ANON] = 5;
	k = symbols(&s);
	assert_int_equal(causes_group(&s, k, &list), 0);
	assert_int_equal(list.n, 4);
	/* the most pages first */
	assert_int_equal(list.groups[0].tid, 8);
	assert_int_equal(list.groups[0].zapped, 500);
	assert_string_equal(list.groups[1].name, "reclaim");
	assert_int_equal(list.groups[1].rows, 3);
	assert_int_equal(list.groups[1].windows, 6);
	assert_int_equal(list.groups[1].zapped, 30);
	assert_int_equal(list.groups[1].ns, 3000);
	assert_int_equal(list.groups[1].ns_max, 102);
	assert_int_equal(list.groups[1].retries, 3);
	assert_int_equal(list.groups[1].samples, 6);
	assert_int_equal(list.groups[1].differs, 1);
	assert_int_equal(list.groups[1].ns_bucket[5], 3);
	assert_int_equal(list.groups[1].seen[SEEN_ZAP_KVM][BACKING_SHMEM], 3);
	assert_int_equal(list.groups[1].id, CAUSE_RECLAIM);
	assert_false(list.groups[1].outside);
	assert_ptr_equal(list.groups[1].example, &c[0].row);
	assert_int_equal(list.groups[2].id, CAUSE_MPROTECT);
	assert_false(list.groups[2].outside);
	/* outside windows pages are known by what was seen of them */
	assert_int_equal(list.groups[3].id, CAUSE_RECLAIM);
	assert_true(list.groups[3].outside);
	assert_int_equal(list.groups[3].windows, 0);
	assert_int_equal(list.groups[3].changes, 6);
	assert_int_equal(list.groups[3].zapped, 7);
	causes_free(&list);
	ksyms_free(k);
}

static void nothing_to_group(void **arg)
{
	struct snapshot s = { 0 };
	struct cause_list list;

	(void)arg;
	assert_true(causes_want(&s, NULL));
	assert_int_equal(causes_group(&s, NULL, &list), 0);
	assert_int_equal(list.n, 0);
	causes_free(&list);
}

/* rows as a faulty reader could leave them: more frames than there is room for, no names at all */
static void odd_rows(void **arg)
{
	static struct cause c[300];
	struct snapshot s = { .causes = c, .ncauses = 300 };
	struct cause_list list;

	(void)arg;
	for (uint32_t i = 0; i < 300; i++) {
		c[i].key.tid = i;
		c[i].row.frames = UINT32_MAX;
		memset(c[i].row.stack, 0xff, sizeof(c[i].row.stack));
		memset(c[i].row.comm, 'x', COMM_LEN);
	}
	assert_int_equal(causes_group(&s, NULL, &list), 0);
	assert_int_equal(list.n, 300);
	assert_string_equal(list.groups[299].name, "unknown");
	causes_free(&list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_stack_tells_its_cause),
		cmocka_unit_test(an_unknown_module_is_named),
		cmocka_unit_test(every_cause_fits_its_column),
		cmocka_unit_test(rows_of_a_task_make_a_group),
		cmocka_unit_test(nothing_to_group),
		cmocka_unit_test(odd_rows),
	};

	return cmocka_run_group_tests_name("cause", tests, NULL, NULL);
}
