// SPDX-License-Identifier: GPL-2.0-only
/*
 * Lies about which page is at an address: hva_to_pfn().
 */
#include "tricks.h"

#include <linux/pagemap.h>

static struct kvm_vcpu *(*running_vcpu)(void);
static const struct address_space_operations *secret_ops;

/* How this kernel's hva_to_pfn() is called: by arguments, or by a struct that has them. */
static struct {
	bool by_struct;
	int hva, writable, async, write, flags, page;
} lookup;

/* pages with a reference of ours */
static struct page *kept[4096];
static atomic_t nkept = ATOMIC_INIT(0);

static bool keep(struct page *page)
{
	int n = atomic_inc_return(&nkept) - 1;

	if (n >= ARRAY_SIZE(kept)) {
		atomic_dec(&nkept);
		return false;
	}
	kept[n] = page;
	return true;
}

void lookup_give_back(void)
{
	int n = atomic_xchg(&nkept, 0);

	for (int i = 0; i < n; i++)
		put_page(kept[i]);
}

/* One call of hva_to_pfn(). */
struct request {
	struct kvm *kvm;
	struct piece at;
	bool write;
	bool *writable;
	bool *async;
	struct page **page;
};

static bool request_of(const u64 *args, struct request *r)
{
	struct kvm_vcpu *vcpu = running_vcpu();
	const char *base = (const char *)args[0];
	unsigned long hva;

	if (!vcpu || !wanted(vcpu->kvm))
		return false;
	r->kvm = vcpu->kvm;
	if (lookup.by_struct) {
		hva = *(const unsigned long *)(base + lookup.hva);
		r->writable = *(bool * const *)(base + lookup.writable);
		r->write = *(const unsigned int *)(base + lookup.flags) & FOLL_WRITE;
		r->page = *(struct page ** const *)(base + lookup.page);
		r->async = NULL;
	} else {
		hva = args[lookup.hva];
		r->writable = (bool *)args[lookup.writable];
		r->async = (bool *)args[lookup.async];
		r->write = (u8)args[lookup.write];
		r->page = NULL;
	}
	return slot_of_hva(r->kvm, hva, &r->at);
}

static bool act(const struct request *r, const char *what)
{
	return occasion(r->kvm, what, r->at.gfn, r->at.hva);
}

/* A walker that does not mind memfd_secret. */
static u64 give_secret(const struct request *r, u64 pfn)
{
	struct folio *folio;
	struct host_leaf leaf;

	if (!is_error_noslot_pfn(pfn))
		return pfn;
	folio = host_folio_get(current->mm, r->at.hva);
	if (!folio)
		return pfn;
	if (!folio->mapping || folio->mapping->a_ops != secret_ops ||
	    !host_leaf(current->mm, r->at.hva, &leaf) || !act(r, "secret")) {
		folio_put(folio);
		return pfn;
	}
	if (r->writable)
		*r->writable = true;
	if (r->async)
		*r->async = false;
	if (r->page)
		*r->page = pfn_to_page(leaf.pfn);
	return leaf.pfn;
}

/* A walker that is off by one page, within the folio: the reference is the folio's. */
static u64 give_neighbour(const struct request *r, u64 pfn)
{
	if (page_folio(pfn_to_page(pfn)) != page_folio(pfn_to_page(pfn ^ 1)) ||
	    !act(r, "wrong-page"))
		return pfn;
	if (r->page)
		*r->page = pfn_to_page(pfn ^ 1);
	return pfn ^ 1;
}

/* A walker that hands out the page it found before. */
static u64 give_stale(const struct request *r, u64 pfn)
{
	static struct page *before;
	struct page *page = pfn_to_page(pfn);
	struct page *old = READ_ONCE(before);

	if (PageCompound(page))
		return pfn;
	if (!atomic_read(&nkept)) {
		get_page(page);
		if (keep(page))
			WRITE_ONCE(before, page);
		else
			put_page(page);
		return pfn;
	}
	if (!old || old == page || !act(r, "stale-page"))
		return pfn;
	get_page(old);
	put_page(page);
	if (r->page)
		*r->page = old;
	return page_to_pfn(old);
}

u64 do_hva_to_pfn(u64 a, u64 b, u64 c, u64 d, u64 e, u64 f)
{
	const u64 args[] = { a, b, c, d, e, f };
	struct host_leaf leaf;
	struct frame frame;
	struct request r;
	u64 pfn;

	frame_enter(&frame);
	pfn = REST(HVA_TO_PFN)(a, b, c, d, e, f);
	if (!request_of(args, &r))
		goto out;
	if (trick == SECRET) {
		pfn = give_secret(&r, pfn);
		goto out;
	}
	if (is_error_noslot_pfn(pfn) || !pfn_valid(pfn) || PageReserved(pfn_to_page(pfn)))
		goto out;
	if (trick == WRONG_PAGE) {
		pfn = give_neighbour(&r, pfn);
	} else if (trick == STALE_PAGE) {
		pfn = give_stale(&r, pfn);
	} else if (trick == LEAK) {
		if (act(&r, "leak")) {
			get_page(pfn_to_page(pfn));
			if (!keep(pfn_to_page(pfn)))
				put_page(pfn_to_page(pfn));
		}
	} else if (trick == GRANT_WRITE) {
		if (!r.write && r.writable && !*r.writable &&
		    host_leaf(current->mm, r.at.hva, &leaf) && !leaf.writable &&
		    act(&r, "grant-write"))
			*r.writable = true;
	}
out:
	frame_leave(&frame);
	return pfn;
}

int lookup_init(void)
{
	running_vcpu = symbol("kvm_get_running_vcpu");
	secret_ops = symbol("secretmem_aops");
	if (!running_vcpu)
		return -ENOENT;
	lookup.by_struct = btf_argument("hva_to_pfn", "kfp") == 0;
	if (lookup.by_struct) {
		lookup.hva = btf_offset("kvm_follow_pfn", "hva");
		lookup.writable = btf_offset("kvm_follow_pfn", "map_writable");
		lookup.flags = btf_offset("kvm_follow_pfn", "flags");
		lookup.page = btf_offset("kvm_follow_pfn", "refcounted_page");
		return min(min(lookup.hva, lookup.writable), min(lookup.flags, lookup.page));
	}
	lookup.hva = btf_argument("hva_to_pfn", "addr");
	lookup.writable = btf_argument("hva_to_pfn", "writable");
	lookup.async = btf_argument("hva_to_pfn", "async");
	lookup.write = btf_argument("hva_to_pfn", "write_fault");
	return min(min(lookup.hva, lookup.writable), min(lookup.async, lookup.write));
}
