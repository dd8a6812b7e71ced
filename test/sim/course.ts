import { setImmediate } from 'node:timers/promises';
import { checkBooks } from './books.ts';
import { noteFences, type Drains } from './drains.ts';
import { checkLaws } from './laws.ts';
import { LawBroken } from './model.ts';
import type { Exchange } from './network.ts';
import { checkArrival, routeAt } from './sending-laws.ts';
import { blowOnBatch, blowOnHealth, type Weather } from './weather.ts';
import { tell, type World } from './world.ts';

/** A history under way. */
export interface Course {
  readonly world: World;
  readonly drains: Drains;
}

const ROUGH = 0.35;

/** Lets everybody run until he waits for something, then looks at everything. */
export async function settle({ world, drains }: Course): Promise<void> {
  await setImmediate();
  world.network.expire();
  await setImmediate();
  noteFences(world, drains);
  if (world.complaint !== null) throw world.complaint;
  // Where nobody new came and nothing was written, everything is as it was found to be.
  const state = `${world.serial} ${world.boots} ${world.disk.version()}`;
  if (state === world.checked) return;
  checkLaws(world);
  checkBooks(world);
  world.checked = state;
}

/** The receiver reads a request in this weather, or in any; its answer waits in the exchange. */
export async function arrive(
  { world, drains }: Course,
  exchange: Exchange,
  given?: Weather,
): Promise<void> {
  const { dice } = world;
  const { request, elements, life } = exchange;
  const route = routeAt(world, request.url);
  if (route === null) throw new LawBroken('L9', `a request reached ${request.url}`);
  const blow = request.method === 'GET' ? blowOnHealth : blowOnBatch;
  const isClear = world.isCalm || !dice.chance(ROUGH);
  const weather: Weather = given ?? (isClear ? { kind: 'clear' } : blow(dice));
  const { stored } = route.receiver;
  const fresh = elements.filter(({ id }) => !stored.has(id));
  const reply = await route.receiver.take(exchange, weather);
  const drain = drains.get(life);
  if (drain !== undefined)
    checkArrival(
      world,
      drain,
      fresh.filter(({ id }) => stored.has(id)),
    );
  exchange.hasArrived = true;
  exchange.reply = reply === 'never' ? null : reply;
  const what = request.method === 'GET' ? 'health' : `${elements.length} event(s)`;
  tell(world, `${life.role}: ${what}, ${sayWeather(weather)} → ${sayReply(exchange)}`);
}

function sayWeather(weather: Weather): string {
  switch (weather.kind) {
    case 'lost':
    case 'unanswered':
      return `${weather.kind} (${weather.reason})`;
    case 'garbled':
      return weather.how;
    default:
      return weather.kind;
  }
}

function sayReply({ reply }: Exchange): string {
  if (reply === null) return 'no answer';
  return reply.kind === 'response' ? String(reply.status) : reply.reason;
}

/** Somebody sets the wall clock: by seconds, hours or a year, in either direction. */
export function setClock({ world, drains }: Course, by?: number): void {
  const { dice, timeline, model } = world;
  const size = dice.pick([5_000, 7_200_000, 31_536_000_000]);
  const ms = by ?? (dice.chance(0.5) ? size : -size);
  timeline.jump(ms);
  world.wasSetBack ||= ms < 0;
  for (const route of model.routes) route.leftAlone = null;
  for (const drain of drains.values()) drain.leaveAloneUntil = null;
  tell(world, `the clock is set by ${ms} ms`);
}
