// SPDX-License-Identifier: Apache-2.0
/* The language of numbers, dates and of the page, for the files of texts. */

export const locale = "en";

/** 1234567 as "1,234,567". */
export const number = n => n.toLocaleString(locale);

/** "1 token", "2 tokens". */
export const count = (n, one, many) => `${number(n)} ${n === 1 ? one : many}`;
