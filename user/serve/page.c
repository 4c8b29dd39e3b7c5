// SPDX-License-Identifier: GPL-2.0-only
/*
 * user/report/page/live.html with its scripts and uPlot, put together by the Makefile.  It loads nothing but
 * numbers from us, and its policy allows nothing else.
 */
#include "user/serve/page.h"

#include <microhttpd.h>
#include <stdint.h>

/* made by the Makefile; a syntax check knows no paths */
#ifndef LIVE_PAGE
#define LIVE_PAGE "build/live.html"
#endif

extern const char live_start[], live_end[];

__asm__(".section .rodata\n"
	".global live_start\n"
	".global live_end\n"
	"live_start:\n"
	".incbin \"" LIVE_PAGE "\"\n"
	"live_end:\n"
	".byte 0\n"
	".previous\n");

struct MHD_Response *serve_page(void)
{
	static struct MHD_Response *page;

	if (page)
		return page;
	page = MHD_create_response_from_buffer((size_t)(live_end - live_start), (void *)(uintptr_t)live_start,
					       MHD_RESPMEM_PERSISTENT);
	if (page)
		MHD_add_response_header(page, MHD_HTTP_HEADER_CONTENT_TYPE, "text/html; charset=utf-8");
	return page;
}
