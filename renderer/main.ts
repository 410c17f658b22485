import './design/base.css';
import { VueQueryPlugin } from '@tanstack/vue-query';
import { createPinia } from 'pinia';
import { createApp } from 'vue';
import App from './App.vue';
import { useAppearance } from './appearance.ts';
import { makeQueryClient } from './queries.ts';
import { makeRouter } from './router.ts';

const queryClient = makeQueryClient();
const app = createApp(App).use(createPinia()).use(VueQueryPlugin, { queryClient });
useAppearance();
app.use(makeRouter(queryClient)).mount('#app');
