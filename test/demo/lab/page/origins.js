// The origins of the lab: names below localhost, which all lead to this machine, on the port of this page.
const at = (name) => `${location.protocol}//${name}.localhost${location.port && ':' + location.port}`;

export const origins = {
  page: location.origin,
  stranger: at('www.evil'),
  sandbox: 'null',
  api: at('api.shop'),
  bare: at('bare.shop'),
  weather: at('weather'),
  bareWeather: at('bare-weather'),
};
