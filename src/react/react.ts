'use client';

export { type ClientOptions, type ClientView, useClient } from './useClient.js';
export { useEvent } from './useEvent.js';
export { type NamespaceView, useNamespace } from './useNamespace.js';
export { type RoomView, useRoom } from './useRoom.js';
