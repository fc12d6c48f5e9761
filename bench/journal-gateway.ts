import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';
import { answersOf } from './journal-shop.ts';

/** The gateway in a process of its own, on a port that it tells who has started it. */
const answer = answersOf('lost', Number(process.argv[2]));
const server = createServer((request, response) => {
  void text(request).then(body => {
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(answer(request.url ?? '', body)));
  });
});
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  process.send?.(typeof address === 'object' ? address?.port : 0);
});
process.once('disconnect', () => process.exit());
