/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The live page.
 */
#ifndef MMUSCOPE_SERVE_PAGE_H
#define MMUSCOPE_SERVE_PAGE_H

struct MHD_Response;

/* The page, made once; NULL: out of memory. */
struct MHD_Response *serve_page(void);

#endif /* MMUSCOPE_SERVE_PAGE_H */
