// SPDX-License-Identifier: GPL-2.0-only
/*
 * Raw KVM: create, memslots, vCPU threads. A vCPU keeps its thread for life: KVM synchronizes RCU
 * when a vCPU changes threads, which would dominate the time of a small scenario.
 */
#include "vm.h"

#include "gmem.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define KICK_SIGNAL SIGUSR2
#define KICK_SECONDS 30.0
#define AREA_SLOT 100	/* behind all others */

static void on_kick(int signo)
{
	(void)signo;	/* only there to make KVM_RUN return */
}

/* Ends a KVM_RUN that has an access half done, so that new registers are not overwritten by it. */
static void finish_exit(struct vcpu *v)
{
	v->run->immediate_exit = 1;
	ioctl(v->fd, KVM_RUN, 0);
	v->run->immediate_exit = 0;
}

static enum job_end run_job(struct vcpu *v, const struct guest_job *job)
{
	uint64_t n;

	v->error = -guest_start(&v->cpu, job);
	if (v->error)
		return JOB_FAILED;
	for (;;) {
		if (__atomic_load_n(&v->kicked, __ATOMIC_SEQ_CST))
			return JOB_KICKED;
		if (ioctl(v->fd, KVM_RUN, 0) == 0)
			break;
		if (errno == EFAULT && job->patient) {
			sched_yield();
			continue;
		}
		if (errno != EINTR && errno != EAGAIN) {
			v->error = errno;
			return JOB_FAILED;
		}
	}
	v->exit_reason = v->run->exit_reason;
	if (!guest_has_ended(v->run))
		return v->exit_reason == KVM_EXIT_MMIO ? JOB_MMIO : JOB_EXIT;
	if (v->exit_reason == KVM_EXIT_MMIO)
		finish_exit(v);
	if (job->op == GUEST_COMPARE) {
		v->error = -guest_mismatches(v->fd, &n);
		if (v->error)
			return JOB_FAILED;
		v->mismatches += n;
	}
	v->error = -guest_end(&v->cpu, job, &v->left);
	if (v->error)
		return JOB_FAILED;
	return v->left ? JOB_NESTED : JOB_DONE;
}

static bool next_job(struct vcpu *v, size_t i, struct guest_job *job)
{
	if (v->work.next)
		return v->work.next(v->work.arg, v, job);
	if (i < v->work.njobs)
		*job = v->work.jobs[i];
	return i < v->work.njobs;
}

static void run_jobs(struct vcpu *v)
{
	struct guest_job job;

	v->end = JOB_DONE;
	v->error = 0;
	v->mismatches = 0;
	v->stopped_at = 0;
	for (size_t i = 0; v->end == JOB_DONE && next_job(v, i, &job); i++)
		v->end = run_job(v, &job);
	if (v->end == JOB_DONE)
		return;
	guest_position(v->fd, &v->stopped_at);
	if (v->end == JOB_MMIO)
		finish_exit(v);
}

static void *vcpu_thread(void *arg)
{
	struct vcpu *v = arg;
	uint64_t one = 1;

	for (;;) {
		while (sem_wait(&v->go) < 0)
			;
		if (v->quit)
			return NULL;
		run_jobs(v);
		if (write(v->vm->done_fd, &one, sizeof(one)) != sizeof(one))
			return NULL;
	}
}

static int vcpu_open(struct vm *vm, int kvm, unsigned int id, struct why *why)
{
	struct vcpu *v = &vm->vcpus[id];

	v->vm = vm;
	v->id = id;
	v->fd = ioctl(vm->fd, KVM_CREATE_VCPU, id);
	if (v->fd < 0)
		return why_set(why, STATUS_ERROR, "cannot create vCPU %u: %s", id, strerror(errno));
	v->run = mmap(NULL, vm->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, v->fd, 0);
	if (v->run == MAP_FAILED) {
		v->run = NULL;
		return why_set(why, STATUS_ERROR, "cannot map kvm_run of vCPU %u: %s", id,
			       strerror(errno));
	}

	v->cpu = (struct guest_cpu){
		.fd = v->fd, .vm_fd = vm->fd, .id = id, .code_gpa = GUEST_CODE_GPA + id * GUEST_PAGE,
		.area = &vm->area,
	};

	int err = guest_init_vcpu(kvm, &v->cpu);

	if (err)
		return why_set(why, STATUS_ERROR, "cannot set the registers of vCPU %u: %s", id,
			       strerror(-err));
	if (sem_init(&v->go, 0, 0) < 0)
		return why_set(why, STATUS_ERROR, "cannot make a semaphore: %s", strerror(errno));
	err = pthread_create(&v->thread, NULL, vcpu_thread, v);
	if (err)
		return why_set(why, STATUS_ERROR, "cannot start a thread for vCPU %u: %s", id,
			       strerror(err));
	v->started = true;
	return 0;
}

static void vcpu_close(struct vm *vm, struct vcpu *v)
{
	if (v->started) {
		v->quit = true;
		sem_post(&v->go);
		pthread_join(v->thread, NULL);
		sem_destroy(&v->go);
	}
	if (v->run)
		munmap(v->run, vm->run_size);
	if (v->fd >= 0)
		close(v->fd);
}

static int open_kvm(struct why *why)
{
	int fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);

	if (fd >= 0)
		return fd;
	if (errno == EACCES || errno == EPERM)
		why_set(why, STATUS_UNSUPPORTED,
			"cannot open /dev/kvm: %s; run as root or join the group kvm",
			strerror(errno));
	else
		why_set(why, STATUS_UNSUPPORTED,
			"cannot open /dev/kvm: %s; load kvm-amd or kvm-intel, and enable "
			"virtualization in the firmware (or nested virtualization in the hypervisor)",
			strerror(errno));
	return -1;
}

/*
 * The code gets a page for each vCPU, so that no two of them race for one fault. The pages stay
 * out of children (fork) and of reclaim (mlock): only the memory under test shall be counted.
 */
static int make_code(struct vm *vm, struct why *why)
{
	vm->code_size = vm->nvcpus * GUEST_PAGE;
	vm->code = mmap(NULL, vm->code_size, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (vm->code == MAP_FAILED) {
		vm->code = NULL;
		return why_set(why, STATUS_ERROR, "cannot get memory for the guest's code: %s",
			       strerror(errno));
	}
	madvise(vm->code, vm->code_size, MADV_NOHUGEPAGE);
	madvise(vm->code, vm->code_size, MADV_DONTFORK);
	for (unsigned int i = 0; i < vm->nvcpus; i++)
		guest_write_code(vm->code + i * GUEST_PAGE);
	mlock(vm->code, vm->code_size);

	struct kvm_userspace_memory_region r = {
		.guest_phys_addr = GUEST_CODE_GPA,
		.memory_size = vm->code_size,
		.userspace_addr = (uintptr_t)vm->code,
	};

	if (ioctl(vm->fd, KVM_SET_USER_MEMORY_REGION, &r) < 0)
		return why_set(why, STATUS_ERROR, "cannot set memslot 0 (code): %s",
			       strerror(errno));
	return 0;
}

/* Like the code: not under test. */
static int make_area(struct vm *vm, struct why *why)
{
	if (!vm->area.size)
		return 0;
	vm->area.hva = mmap(NULL, vm->area.size, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (vm->area.hva == MAP_FAILED) {
		vm->area.hva = NULL;
		return why_set(why, STATUS_ERROR, "cannot get memory for the guest's page tables: %s",
			       strerror(errno));
	}
	madvise(vm->area.hva, vm->area.size, MADV_NOHUGEPAGE);
	madvise(vm->area.hva, vm->area.size, MADV_DONTFORK);
	guest_write_area(&vm->area);
	mlock(vm->area.hva, vm->area.size);

	struct kvm_userspace_memory_region r = {
		.slot = vm->area.as_id << 16 | AREA_SLOT,
		.guest_phys_addr = vm->area.gpa,
		.memory_size = vm->area.size,
		.userspace_addr = (uintptr_t)vm->area.hva,
	};

	if (ioctl(vm->fd, KVM_SET_USER_MEMORY_REGION, &r) < 0)
		return why_set(why, STATUS_ERROR, "cannot set memslot %d (page tables): %s", AREA_SLOT,
			       strerror(errno));
	return 0;
}

static int open_parts(struct vm *vm, int kvm, struct why *why)
{
	const char *lack = guest_lacks(kvm, vm->area.mode);
	int size = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);

	if (lack)
		return why_set(why, STATUS_UNSUPPORTED, "%s", lack);
	vm->fd = ioctl(kvm, KVM_CREATE_VM, 0UL);
	if (vm->fd < 0 || size < 0)
		return why_set(why, STATUS_ERROR, "cannot create a VM: %s", strerror(errno));
	vm->run_size = (size_t)size;
	vm->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK | EFD_SEMAPHORE);
	if (vm->done_fd < 0)
		return why_set(why, STATUS_ERROR, "cannot make an eventfd: %s", strerror(errno));
	guest_init_vm(vm->fd);

	int status = make_code(vm, why);

	if (!status)
		status = make_area(vm, why);
	for (unsigned int i = 0; !status && i < vm->nvcpus; i++)
		status = vcpu_open(vm, kvm, i, why);
	return status;
}

int vm_open(struct vm *vm, unsigned int nvcpus, enum guest_mode mode, size_t pages,
	    struct why *why)
{
	memset(vm, 0, sizeof(*vm));
	guest_plan_area(&vm->area, mode, pages, nvcpus);
	vm->fd = -1;
	vm->done_fd = -1;

	int kvm = open_kvm(why);

	if (kvm < 0)
		return (int)why->status;

	struct sigaction kick = { .sa_handler = on_kick };

	sigaction(KICK_SIGNAL, &kick, NULL);
	vm->vcpus = calloc(nvcpus, sizeof(*vm->vcpus));
	if (!vm->vcpus) {
		close(kvm);
		return why_set(why, STATUS_ERROR, "out of memory for %u vCPUs", nvcpus);
	}
	vm->nvcpus = nvcpus;
	for (unsigned int i = 0; i < nvcpus; i++)
		vm->vcpus[i].fd = -1;

	int status = open_parts(vm, kvm, why);

	close(kvm);
	if (status)
		vm_close(vm);
	return status;
}

void vm_close(struct vm *vm)
{
	if (vm->stuck)
		return;
	for (unsigned int i = 0; i < vm->nvcpus; i++)
		vcpu_close(vm, &vm->vcpus[i]);
	free(vm->vcpus);
	vm->vcpus = NULL;
	vm->nvcpus = 0;
	if (vm->fd >= 0)
		close(vm->fd);
	if (vm->done_fd >= 0)
		close(vm->done_fd);
	if (vm->code)
		munmap(vm->code, vm->code_size);
	if (vm->area.hva)
		munmap(vm->area.hva, vm->area.size);
	vm->fd = -1;
	vm->done_fd = -1;
	vm->code = NULL;
	vm->area.hva = NULL;
}

int vm_set_slot(const struct vm *vm, unsigned int i)
{
	const struct vm_slot *s = &vm->slots[i];
	struct kvm_userspace_memory_region r = {
		.slot = s->as_id << 16 | (i + 1),
		.flags = s->flags,
		.guest_phys_addr = s->gpa,
		.memory_size = s->live ? s->pages * GUEST_PAGE : 0,
		.userspace_addr = (uintptr_t)s->hva,
	};

	if (s->gmem)
		return gmem_set_slot(vm->fd, &r, s->gmem_fd, s->first * GUEST_PAGE);
	return ioctl(vm->fd, KVM_SET_USER_MEMORY_REGION, &r) < 0 ? -errno : 0;
}

/* struct kvm_pre_fault_memory: newer than the headers that we are built with */
struct prefault {
	uint64_t gpa;
	uint64_t size;
	uint64_t flags;
	uint64_t padding[5];
};

#define PREFAULT _IOWR(KVMIO, 0xd5, struct prefault)

int vm_prefault(const struct vm *vm, unsigned int i, size_t first, size_t end)
{
	const struct vm_slot *slot = &vm->slots[i];
	struct prefault p = {
		.gpa = slot->gpa + (first - slot->first) * GUEST_PAGE,
		.size = (end - first) * GUEST_PAGE,
	};

	/* the kernel moves the start on as far as it has come */
	while (p.size)
		if (ioctl(vm->vcpus[0].fd, PREFAULT, &p) < 0 && errno != EINTR && errno != EAGAIN)
			return -errno;
	return 0;
}

int vm_get_dirty_log(const struct vm *vm, unsigned int i, size_t *dirty)
{
	size_t words = (vm->slots[i].pages + 63) / 64;
	uint64_t *bits = calloc(words, sizeof(*bits));
	struct kvm_dirty_log log = { .slot = vm->slots[i].as_id << 16 | (i + 1), .dirty_bitmap = bits };

	if (!bits)
		return -ENOMEM;

	int err = ioctl(vm->fd, KVM_GET_DIRTY_LOG, &log) < 0 ? -errno : 0;

	for (size_t k = 0; k < words; k++)
		*dirty += (size_t)__builtin_popcountll(bits[k]);
	free(bits);
	return err;
}

/* immediate_exit closes the gap between the test of kicked and KVM_RUN. */
static void kick(struct vm *vm)
{
	for (unsigned int i = 0; i < vm->nvcpus; i++) {
		__atomic_store_n(&vm->vcpus[i].kicked, true, __ATOMIC_SEQ_CST);
		vm->vcpus[i].run->immediate_exit = 1;
		pthread_kill(vm->vcpus[i].thread, KICK_SIGNAL);
	}
}

static unsigned int drain(struct vm *vm, unsigned int running)
{
	uint64_t one;

	while (running && read(vm->done_fd, &one, sizeof(one)) == sizeof(one))
		running--;
	return running;
}

/* After a kick the threads must come back; one that does not sits in the kernel, unkillable. */
static unsigned int wait_kicked(struct vm *vm, unsigned int running)
{
	struct waiter deaf = { .signal_fd = -1 };
	double end = wait_now() + KICK_SECONDS;

	while (running && wait_now() < end) {
		wait_fd(&deaf, vm->done_fd, 1.0);
		running = drain(vm, running);
	}
	return running;
}

static int give_up(struct vm *vm, unsigned int running, double seconds, int reason,
		   struct why *why)
{
	kick(vm);
	running = wait_kicked(vm, running);
	if (running) {
		vm->stuck = true;
		return why_set(why, STATUS_ERROR,
			       "%u vCPU threads did not leave the kernel within %.0f s of a kick",
			       running, KICK_SECONDS);
	}
	if (reason == -EINTR)
		return why_set(why, STATUS_ERROR, "interrupted");

	const struct vcpu *v = &vm->vcpus[0];

	for (unsigned int i = 0; i < vm->nvcpus; i++)
		if (vm->vcpus[i].end == JOB_KICKED)
			v = &vm->vcpus[i];
	return why_set(why, STATUS_ERROR,
		       "vCPU %u made no end within %.0f s (it is at gpa 0x%llx); the host may be too "
		       "slow for so many pages: try fewer with --pages", v->id, seconds,
		       (unsigned long long)v->stopped_at);
}

void vm_start(struct vm *vm, const struct vm_work *work)
{
	for (unsigned int i = 0; i < vm->nvcpus; i++) {
		vm->vcpus[i].work = work[i];
		sem_post(&vm->vcpus[i].go);
	}
}

int vm_wait(struct vm *vm, double seconds, struct waiter *w, struct why *why)
{
	unsigned int running = vm->nvcpus;
	double end = wait_now() + seconds;

	for (;;) {
		running = drain(vm, running);
		if (!running)
			return 0;

		int got = wait_fd(w, vm->done_fd, end - wait_now());

		if (got <= 0)
			return give_up(vm, running, seconds, got, why);
	}
}

int vm_run(struct vm *vm, const struct vm_work *work, double seconds, struct waiter *w,
	   struct why *why)
{
	vm_start(vm, work);
	return vm_wait(vm, seconds, w, why);
}
