import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import express from 'express';
import fastify from 'fastify';
import { Hono } from 'hono';
import { isInputError } from 'tillpaid';
import { sendResponse, toRequest, type NodeRequest, type NodeResponse } from 'tillpaid/node';
import { describe, expect, it } from 'vitest';

/** As much of Node's request as a test needs, with its body unread. */
const request = (body: string, more: object = {}): NodeRequest =>
  Object.assign(Readable.from([Buffer.from(body)]), {
    method: 'POST',
    url: '/hook?a=1',
    headers: { host: 'shop.test', 'content-type': 'application/json', 'x-sign': 'abc' },
    ...more,
  });

const told = (run: () => unknown): string => {
  try {
    run();
    return 'accepted';
  } catch (error) {
    expect(isInputError(error)).toBe(true);
    return error instanceof Error ? error.message : '';
  }
};

describe('toRequest', () => {
  it('keeps method, address, headers and the bytes as they came', async () => {
    const made = toRequest(request('{"a" : 1.00}'));
    expect([made.method, made.url, made.headers.get('x-sign')]).toEqual(['POST', 'http://shop.test/hook?a=1', 'abc']);
    expect(await made.text()).toBe('{"a" : 1.00}');
  });

  it('takes the bytes that a parser has kept, as bytes, text or rawBody', async () => {
    for (const kept of [{ body: Buffer.from('raw') }, { body: 'raw' }, { rawBody: Buffer.from('raw'), body: { a: 1 } }])
      expect(await toRequest(request('', kept)).text()).toBe('raw');
  });

  it('says what to write where a parser has left nothing of them', async () => {
    const parsed = request('{}');
    await text(parsed as unknown as Readable);
    const message = told(() => toRequest(Object.assign(parsed, { body: {} })));
    expect(message).toMatch(/body parser has read this request.*above app\.use\(express\.json\(\)\)/);
    expect(message).toMatch(/removeAllContentTypeParsers/);
  });

  it('says what it takes, and what needs none of it', () => {
    const nothing = undefined as unknown as NodeRequest;
    expect(told(() => toRequest(nothing))).toMatch(/pass the req of Express, Fastify or node:http/);
    const standard = new Request('https://shop.test') as unknown as NodeRequest;
    expect(told(() => toRequest(standard))).toMatch(/Request already\. Pass it to gateway\.receive as it is/);
  });

  it('refuses what no Request can be, and whoever sends it', () => {
    for (const odd of [{ method: 'TRACE' }, { url: 'http://[' }])
      expect(told(() => toRequest(request('', odd)))).toMatch(/method or its address.*Answer it with 400/);
  });

  it('has the path that was asked for, also in a router of Express, and of one that looks like a host', () => {
    const urls = [
      request('', { url: '/pay', originalUrl: '/webhooks/pay' }),
      request('', { url: '//elsewhere.test/pay' }),
      request('', { url: 'http://shop.test/pay' }),
      request('', { headers: { host: 'shop.test/other?' } }),
      request('', { protocol: 'https' }),
      request('', { headers: {}, url: undefined }),
    ].map(each => toRequest(each).url);
    expect(urls).toEqual([
      'http://shop.test/webhooks/pay',
      'http://shop.test//elsewhere.test/pay',
      'http://shop.test/pay',
      'http://shop.test/hook?a=1',
      'https://shop.test/hook?a=1',
      'http://localhost/',
    ]);
  });

  it('leaves out what HTTP/2 has among its headers, and joins what came more than once', () => {
    const { headers } = toRequest(request('', { headers: { ':path': '/', host: 'a', accept: ['b', 'c'] } }));
    expect([...headers]).toEqual([
      ['accept', 'b, c'],
      ['host', 'a'],
    ]);
  });

  it('takes no body of a GET', () => {
    expect(toRequest(request('x', { method: 'GET' })).body).toBeNull();
  });

  it('is told by the compiler what Express, Fastify and node:http call a request', () => {
    express().post('/', (req, res) => void sendResponse(new Response(toRequest(req).url), res));
    fastify().post('/', req => toRequest(req).text());
    // @ts-expect-error -- Hono's needs none of it
    new Hono().post('/', c => c.text(toRequest(c.req.raw).url));
  });
});

describe('sendResponse', () => {
  it('sends status, headers and body', async () => {
    const headers: [string, string][] = [];
    let body = '';
    const res: NodeResponse = {
      statusCode: 200,
      setHeader: (name, value) => headers.push([name, value]),
      end: bytes => (body = new TextDecoder().decode(bytes)),
    };
    await sendResponse(Response.json({ code: 1 }, { status: 401 }), res);
    expect([res.statusCode, headers, body]).toEqual([401, [['content-type', 'application/json']], '{"code":1}']);
  });
});
